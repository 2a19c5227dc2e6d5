"""`METRICS_PORT`: the exposition alone on a port of its own, for networks that may see no more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections
from django.http import HttpResponse
from rest_framework.response import Response

from observability.metrics.exposition import metrics_exposition

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_PATHS = frozenset({"/metrics", "/metrics/"})
_SILENT_CLIENT_SECONDS = 10

log = structlog.get_logger(__name__)


@contextmanager
def exposition_server(host: str, port: int) -> Iterator[int]:
    """Answer `/metrics` on a port of its own while this lasts, and yield the port.

    Who may read is decided as on the portal's own port.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Raises:
        OSError: Nothing can listen there.
    """
    server_class = _ServerOnIPv6 if ":" in host else _Server
    with server_class((host, port), _Handler) as server:
        server.set_app(_answer)
        thread = threading.Thread(target=server.serve_forever, name="exposition", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # Without the parent's question to the DNS for this machine's name, which may take long.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that has gone or says nothing.
        log.debug("exposition request broke off")


class _ServerOnIPv6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _SILENT_CLIENT_SECONDS

    def get_environ(self) -> WSGIEnvironment:
        # X_Forwarded_For would pass for X-Forwarded-For, which only proxies are believed.
        for name in [name for name in self.headers if "_" in name]:
            del self.headers[name]
        return super().get_environ()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the parent's name)
        log.debug("exposition request", message=format % args)


def _answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    try:
        response = _response(WSGIRequest(environ))
    except Exception:
        log.exception("exposition failed")
        response = HttpResponse("The exposition failed.\n", status=500, content_type="text/plain")
    finally:
        connections.close_all()
    response.headers["Content-Length"] = str(len(response.content))
    status = HTTPStatus(response.status_code)
    start_response(f"{status.value} {status.phrase}", list(response.items()))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.content]


def _response(request: WSGIRequest) -> HttpResponse:
    if request.path not in _PATHS:
        return HttpResponse("Here is /metrics only.\n", status=404, content_type="text/plain")
    response = metrics_exposition(request)
    # REST framework leaves what it says to those who may not read to be written by Django's handler.
    return response.render() if isinstance(response, Response) else response
