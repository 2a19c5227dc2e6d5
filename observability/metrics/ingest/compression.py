"""Bodies that come compressed, with a bound on what comes out of them."""

from __future__ import annotations

import zlib

from observability.metrics.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    UnsupportedMediaError,
)

MAX_BYTES = 32 * 1024 * 1024
# What zlib is told, so that it takes the format's own header: 16 more for gzip.
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def decompress(body: bytes, encoding: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return what `body` holds.

    Args:
        body: As it came.
        encoding: The `Content-Encoding`: gzip, deflate, identity or ''.
        max_bytes: What may come out; no more than that is ever in memory.

    Raises:
        UnsupportedMediaError: The encoding is none of these.
        BodyTooLargeError: More than `max_bytes` would come out.
        MalformedBodyError: It is not of this encoding, or cut off.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOW_BITS:
        raise UnsupportedMediaError(
            f"the body's encoding is {encoding[:50]!r}; gzip, deflate and none are understood"
        )
    parts: list[bytes] = []
    room = max_bytes
    try:
        # gzip files may follow each other.
        while body:
            decompressor = zlib.decompressobj(_WINDOW_BITS[encoding])
            part = decompressor.decompress(body, room + 1)
            if len(part) > room:
                raise BodyTooLargeError(max_bytes)
            if not decompressor.eof:
                raise MalformedBodyError(f"the {encoding} body is cut off")
            parts.append(part)
            room -= len(part)
            body = decompressor.unused_data
    except zlib.error as error:
        raise MalformedBodyError(f"the body is not {encoding}: {error}") from error
    return b"".join(parts)
