from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.conf import settings as project
from django.test import Client
from pytest_django import Settings

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.exposition_server import exposition_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def port() -> Iterator[int]:
    with exposition_server("127.0.0.1", 0) as port:
        yield port


def ask(
    port: int, path: str = "/metrics", *, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    client = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        client.request(method, path, headers=headers)
        response = client.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        client.close()


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/metrics?from=prometheus"])
def test_port_answers_the_exposition(port: int, path: str, client: Client) -> None:
    client.get("/health/live")

    status, headers, body = ask(port, path)

    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"# TYPE http_requests_total counter" in body


@pytest.mark.parametrize("path", ["/", "/health", "/admin/", "/api/metrics", "/metrics/x"])
def test_port_answers_nothing_else(port: int, path: str) -> None:
    assert ask(port, path)[0] == 404


def test_port_can_only_be_read(port: int) -> None:
    status, headers, body = ask(port, method="HEAD")

    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0
    assert ask(port, method="POST")[0] == 405


def test_strangers_need_a_key_on_the_port_too(port: int, settings: Settings) -> None:
    settings.METRICS_ALLOWED_NETWORKS = [ip_network("192.0.2.0/24")]
    _, token = create_key(name="scraper", scopes=[Scope.METRICS_READ])

    stranger = ask(port)[0]
    holder = ask(port, Authorization=f"Bearer {token}")[0]

    assert (stranger, holder) == (401, 200)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X_Forwarded_For"])
def test_address_is_that_of_the_peer_unless_a_trusted_proxy_names_another(
    port: int, settings: Settings, header: str
) -> None:
    settings.METRICS_ALLOWED_NETWORKS = [ip_network("192.0.2.0/24")]

    before = ask(port, **{header: "192.0.2.1"})[0]
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    after = ask(port, **{header: "192.0.2.1"})[0]

    assert (before, after) == (401, 200 if header == "X-Forwarded-For" else 401)


def test_port_closes_with_its_owner() -> None:
    with exposition_server("127.0.0.1", 0) as port:
        ask(port)

    with pytest.raises(ConnectionRefusedError):
        ask(port)


def test_watch_serves_the_port_that_is_set(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    watch = subprocess.Popen(
        [sys.executable, "manage.py", "watch"],
        cwd=project.BASE_DIR,
        env={
            **os.environ,
            "DATA_DIR": str(tmp_path),
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
            "METRICS_PORT": str(port),
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        body = _body_once_it_answers(port)
        watch.send_signal(signal.SIGTERM)
        exit_code = watch.wait(20)
    finally:
        watch.kill()
        watch.wait()

    assert b'process_resident_memory_bytes{process="watch"}' in body
    assert exit_code == 0


def test_watch_says_in_one_line_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        watch = subprocess.run(
            [sys.executable, "manage.py", "watch"],
            cwd=project.BASE_DIR,
            env={**os.environ, "DATA_DIR": str(tmp_path), "METRICS_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    told = f"METRICS_PORT: cannot listen on 127.0.0.1 port {port}: Address already in use"
    assert watch.returncode == 1
    assert watch.stderr == f"CommandError: {told}\n"


def _body_once_it_answers(port: int) -> bytes:
    deadline = time.monotonic() + 60
    while True:
        try:
            body = ask(port)[2]
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the port was not opened within 60 s"
            time.sleep(0.1)
            continue
        if b'process="watch"' in body:
            return body
        assert time.monotonic() < deadline, "watch did not report within 60 s"
        time.sleep(0.1)
