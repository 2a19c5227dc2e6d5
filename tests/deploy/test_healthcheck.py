from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.test import Client

from observability.embedded.locations import PROJECT_DIR
from tests.deploy.compose import services


@contextmanager
def portal_that_answers(status: int, body: str) -> Iterator[str]:
    """Serve the same answer at every path; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield str(server.server_port)
        server.shutdown()


def exit_code(*arguments: str, port: str) -> int:
    return subprocess.run(
        [sys.executable, "deploy/healthcheck.py", *arguments],
        cwd=PROJECT_DIR,
        env={**os.environ, "PORT": port, "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        check=False,
    ).returncode


def health(**checks: str) -> str:
    return json.dumps({"status": "ok", "checks": {n: {"status": s} for n, s in checks.items()}})


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        pytest.param(200, health(), 0, id="live"),
        pytest.param(500, "<html>", 1, id="broken"),
        pytest.param(200, json.dumps({"status": "failing"}), 1, id="failing"),
    ],
)
def test_web_is_judged_by_its_own_answer(status: int, body: str, code: int) -> None:
    with portal_that_answers(status, body) as port:
        assert exit_code(port=port) == code


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        pytest.param(200, health(beat="ok"), 0, id="ok"),
        pytest.param(200, health(beat="degraded"), 0, id="degraded"),
        pytest.param(200, health(beat="failing"), 1, id="failing"),
        pytest.param(503, health(beat="ok", database="failing"), 0, id="another part fails"),
        pytest.param(200, health(watch="ok"), 1, id="no such check"),
    ],
)
def test_another_process_is_judged_by_what_the_portal_sees(
    status: int, body: str, code: int
) -> None:
    with portal_that_answers(status, body) as port:
        assert exit_code("beat", port=port) == code


def test_nobody_listening_is_unhealthy() -> None:
    with portal_that_answers(200, health()) as port:
        pass

    assert exit_code(port=port) == 1


@pytest.mark.django_db(transaction=True)
def test_compose_asks_for_checks_that_exist(client: Client) -> None:
    tests = [service.get("healthcheck", {}).get("test", []) for service in services().values()]
    asked = {test[-1] for test in tests if "deploy/healthcheck.py" in test}

    known = set(client.get("/health").json()["checks"])

    assert asked == {"worker-timely", "worker-bulk", "beat", "watch", "scrape"}
    assert asked <= known
