"""The body of a write, read with a bound on its size."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError

MAX_BODY_BYTES = 16 * 1024 * 1024


def read_body(request: HttpRequest, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return the whole body; never more than `max_bytes` of it come into memory.

    Raises:
        BodyTooLargeError: It is larger.
        MalformedBodyError: It ended before its announced length.
    """
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
        raise BodyTooLargeError(max_bytes)
    try:
        body: bytes = _stream(request).read(max_bytes + 1)
    except UnreadablePostError as error:
        raise MalformedBodyError("the body ended before its announced length") from error
    if len(body) > max_bytes:
        raise BodyTooLargeError(max_bytes)
    return body


def _stream(request: HttpRequest) -> Any:
    """Return what the body is read from.

    A body sent in chunks has no length, and Django reads nothing of it; the server's own
    stream ends where the last chunk does (`wsgi.input_terminated`).
    """
    if "CONTENT_LENGTH" not in request.META and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request
