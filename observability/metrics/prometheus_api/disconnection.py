"""Whether the client of a request is still there."""

from __future__ import annotations

import socket
from collections.abc import Callable

from django.http import HttpRequest
from rest_framework.request import Request


def departure_of(request: Request | HttpRequest) -> Callable[[], bool] | None:
    """Return what says whether the client has closed its connection; None where it cannot be known."""
    # gunicorn hands the connection on; no other server that the portal runs under does.
    connection = request.META.get("gunicorn.socket")
    if not isinstance(connection, socket.socket):
        return None
    return lambda: _has_closed(connection)


def _has_closed(connection: socket.socket) -> bool:
    """Look whether the end of the stream is next, and take nothing off it."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except ValueError:
        # An encrypted connection does not let itself be looked into.
        return False
    except OSError:
        return True
