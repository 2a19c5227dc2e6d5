"""How answers travel: compressed where the client takes gzip, in chunks where they are made bit by bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import cramjam
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request

JSON = "application/json"

# What goes onto the wire at once, and so what is in memory of an answer in parts.
CHUNK_BYTES = 128 * 1024
# Less does not shrink to fewer packets.
_LEAST_COMPRESSED_BYTES = 1_024
# Three times as fast as the usual level, for a twentieth more bytes.
_GZIP_LEVEL = 1
# How a client says that it does not take a coding.
_REFUSED = frozenset({"q=0", "q=0.", "q=0.0", "q=0.00", "q=0.000"})


def answer(
    request: Request | HttpRequest,
    body: bytes | Iterable[bytes],
    *,
    content_type: str = JSON,
    status: int = 200,
) -> HttpResponse | StreamingHttpResponse:
    """Return a body as the client takes it: gzip or plain, whole or in chunks.

    Args:
        request: Its `Accept-Encoding` decides.
        body: All of it, or its parts in order, of any size. Parts are asked for until there is a
            chunk, so what they raise until then goes to the caller; the rest is made while it
            is sent, and what is raised then breaks the connection off, which clients see.
        content_type: What it is.
        status: Of the answer.
    """
    whole, rest = (body, None) if isinstance(body, bytes) else _first_chunk(iter(body))
    is_gzip = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    response: HttpResponse | StreamingHttpResponse
    if rest is not None:
        chunks = _chunks(chain([whole], rest))
        response = StreamingHttpResponse(
            _compressed(chunks) if is_gzip else chunks, status=status, content_type=content_type
        )
    else:
        is_gzip = is_gzip and len(whole) >= _LEAST_COMPRESSED_BYTES
        if is_gzip:
            whole = bytes(cramjam.gzip.compress(whole, _GZIP_LEVEL))
        response = HttpResponse(whole, status=status, content_type=content_type)
    if is_gzip:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def accepts_gzip(accept_encoding: str) -> bool:
    """Say whether a client that sends this `Accept-Encoding` takes gzip; what it names counts before `*`."""
    accepted: dict[str, bool] = {}
    for entry in accept_encoding.lower().split(","):
        coding, _, weight = entry.partition(";")
        accepted[coding.strip()] = weight.replace(" ", "") not in _REFUSED
    return accepted.get("gzip", accepted.get("*", False))


def _first_chunk(parts: Iterator[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """Return the first parts until they make a chunk, and the others; None when there are none."""
    taken: list[bytes] = []
    size = 0
    for part in parts:
        taken.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            return b"".join(taken), parts
    return b"".join(taken), None


def _chunks(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the parts as chunks, for each costs a system call or two."""
    rest: Iterator[bytes] | None = parts
    while rest is not None:
        chunk, rest = _first_chunk(rest)
        if chunk:
            yield chunk


def _compressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    compressor = cramjam.gzip.Compressor(_GZIP_LEVEL)
    for chunk in chunks:
        compressor.compress(chunk)
        yield bytes(compressor.flush())
    yield bytes(compressor.finish())
