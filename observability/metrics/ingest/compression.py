"""Bodies that come compressed, with a bound on what comes out of them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from observability.metrics.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    UnsupportedMediaError,
)
from observability.metrics.ingest.body import max_unpacked_bytes

_PART_BYTES = 256 * 1024
# What zlib is told, so that it takes the format's own header: 16 more for gzip.
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def decompress(body: bytes, encoding: str, *, max_bytes: int | None = None) -> bytes:
    """Return what `body` holds.

    Args:
        body: As it came.
        encoding: The `Content-Encoding`: gzip, deflate, identity or ''.
        max_bytes: What may come out, which is in memory at once; twice MAX_WRITE_BODY_BYTES
            unless given.

    Raises:
        UnsupportedMediaError: The encoding is none of these.
        BodyTooLargeError: More than `max_bytes` would come out.
        MalformedBodyError: It is not of this encoding, or cut off.
    """
    if is_plain(encoding):
        return body
    max_bytes = max_unpacked_bytes() if max_bytes is None else max_bytes
    parts: list[bytes] = []
    room = max_bytes
    for part in decompressed_parts([body], encoding):
        room -= len(part)
        if room < 0:
            raise BodyTooLargeError(max_bytes)
        parts.append(part)
    return b"".join(parts)


def decompressed_parts(parts: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield in parts what a body of any length holds; however small it was, no part is large.

    Args:
        parts: The body as it came.
        encoding: As `decompress` takes it.

    Raises:
        UnsupportedMediaError: The encoding is not known.
        MalformedBodyError: The body is not of this encoding, or cut off.
    """
    if is_plain(encoding):
        yield from parts
        return
    encoding = encoding.strip().lower()
    if encoding not in _WINDOW_BITS:
        raise UnsupportedMediaError(
            f"the body's encoding is {encoding[:50]!r}; gzip, deflate and none are understood"
        )
    decompressor = zlib.decompressobj(_WINDOW_BITS[encoding])
    is_begun = False
    try:
        for part in parts:
            rest = part
            while rest:
                if decompressor.eof:  # gzip files may follow each other
                    decompressor = zlib.decompressobj(_WINDOW_BITS[encoding])
                is_begun = True
                if content := decompressor.decompress(rest, _PART_BYTES):
                    yield content
                rest = decompressor.unconsumed_tail or decompressor.unused_data
    except zlib.error as error:
        raise MalformedBodyError(f"the body is not {encoding}: {error}") from error
    if is_begun and not decompressor.eof:
        raise MalformedBodyError(f"the {encoding} body is cut off")


def is_plain(encoding: str) -> bool:
    """Say whether a `Content-Encoding` means that the body is not compressed."""
    return encoding.strip().lower() in ("", "identity")
