"""A web server on loopback that answers as a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answers.

    Attributes:
        close: Drop the connection without an answer.
        hang: Never answer.
        on_request: Called in the server's thread before it answers.
    """

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False
    hang: bool = False
    on_request: Callable[[], object] | None = None


class HttpSink:
    """Keeps what was posted; answers 200 once `answers` is used up."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[bytes] = []
        self.arrived = threading.Event()
        self._released = threading.Event()
        self._lock = threading.Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = sink._take(body)
                if answer.on_request is not None:
                    answer.on_request()
                if answer.hang:
                    sink._released.wait(30)
                if answer.close or answer.hang:
                    self.close_connection = True
                    return
                content = answer.body.encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def url(self) -> str:
        """The server's address, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def release(self) -> None:
        """End the requests that hang."""
        self._released.set()

    def _take(self, body: bytes) -> Answer:
        with self._lock:
            self.requests.append(body)
            answer = self.answers.pop(0) if self.answers else Answer()
        self.arrived.set()
        return answer

    def __enter__(self) -> HttpSink:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
