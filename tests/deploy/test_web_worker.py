"""gunicorn with the portal's kind of worker, serving an application that says which process it is."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.embedded.portal_process import free_port, wait_for

_APPLICATION = """
import os

def application(environ, start_response):
    environ["wsgi.input"].read()
    body = f"{os.getpid()}\\n".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of two processes."""
    folder = tmp_path_factory.mktemp("application")
    (folder / "told.py").write_text(_APPLICATION)
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--no-control-socket"),
            *("--worker-class", "observability.web_worker.WebWorker", "--workers", "2"),
            *("--threads", "4", "--keep-alive", "30", "--bind", f"127.0.0.1:{port}"),
            *("--pythonpath", str(folder), "told:application"),
        ],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: _answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


def test_requests_sent_together_are_all_answered_in_order(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(_REQUEST * 3)
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 3 or not answers.endswith(b"\n"):
            answers += connection.recv(65536)

    assert answers.count(b"\r\n\r\n") == 3


def test_a_connection_is_kept_from_request_to_request(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        answers = []
        for _ in range(20):
            client.request("POST", "/", body=b"x" * 100_000)
            answers.append(client.getresponse().read())

    assert len(set(answers)) == 1


def test_connections_are_shared_among_the_processes(port: int) -> None:
    with ExitStack() as stack:
        answers = []
        for _ in range(30):
            client = stack.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=30)))
            client.request("GET", "/")
            answers.append(client.getresponse().read())

    counts = [answers.count(process) for process in set(answers)]
    assert len(counts) == 2
    # Without care for each other, one process takes nearly all.
    assert min(counts) >= 5
