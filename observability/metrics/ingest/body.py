"""The body of a write, read with a bound on what of it is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError

_PART_BYTES = 256 * 1024


def max_body_bytes() -> int:
    """Return how large a body may be as it comes."""
    limit: int = settings.MAX_WRITE_BODY_BYTES
    return limit


def max_unpacked_bytes() -> int:
    """Return how large a body may be once it is no longer compressed."""
    return 2 * max_body_bytes()


def announced_bytes(request: HttpRequest) -> int:
    """Return how long the request says that its body is, 0 when it does not."""
    return int(request.META.get("CONTENT_LENGTH") or 0)


def read_body(request: HttpRequest, *, max_bytes: int | None = None) -> bytes:
    """Return the whole body; never more than `max_bytes` of it come into memory.

    Args:
        request: Whose body it is.
        max_bytes: MAX_WRITE_BODY_BYTES unless given.

    Raises:
        BodyTooLargeError: It is larger.
        MalformedBodyError: It ended before its announced length.
    """
    max_bytes = max_body_bytes() if max_bytes is None else max_bytes
    if announced_bytes(request) > max_bytes:
        raise BodyTooLargeError(max_bytes)
    body = _read(_stream(request), max_bytes + 1)
    if len(body) > max_bytes:
        raise BodyTooLargeError(max_bytes)
    return body


def body_parts(request: HttpRequest, *, part_bytes: int = _PART_BYTES) -> Iterator[bytes]:
    """Yield a body of any length in parts, as it arrives.

    Raises:
        MalformedBodyError: It ended before its announced length.
    """
    stream = _stream(request)
    while part := _read(stream, part_bytes):
        yield part


def read_to_end(parts: Iterator[bytes]) -> None:
    """Pass over the rest of a body: who still sends does not see an answer."""
    with suppress(MalformedBodyError):
        for _ in parts:
            pass


def _read(stream: Any, size: int) -> bytes:
    try:
        part: bytes = stream.read(size)
    except UnreadablePostError as error:
        raise MalformedBodyError("the body ended before its announced length") from error
    return part


def _stream(request: HttpRequest) -> Any:
    """Return what the body is read from.

    A body sent in chunks has no length, and Django reads nothing of it; the server's own
    stream ends where the last chunk does (`wsgi.input_terminated`).
    """
    if "CONTENT_LENGTH" not in request.META and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request
