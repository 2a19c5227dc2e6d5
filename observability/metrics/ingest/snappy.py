"""Snappy's block format, with a bound on what comes out of it."""

from __future__ import annotations

import cramjam
import numpy as np
from numpy.typing import NDArray

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError
from observability.metrics.ingest.body import max_unpacked_bytes

# A copy of up to 64 bytes takes three: nothing shrinks to less.
_LARGEST_RATIO = 64 / 3


def decompress(body: bytes, *, max_bytes: int | None = None) -> NDArray[np.uint8]:
    """Return what `body` holds; its announced length is judged before any memory is taken.

    Args:
        body: As it came.
        max_bytes: What may come out; twice MAX_WRITE_BODY_BYTES unless given.

    Raises:
        BodyTooLargeError: It would be larger than `max_bytes`.
        MalformedBodyError: It is not snappy's block format.
    """
    max_bytes = max_unpacked_bytes() if max_bytes is None else max_bytes
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > len(body) * _LARGEST_RATIO:
            raise MalformedBodyError("the body is not in snappy's block format: it is cut off")
        if size > max_bytes:
            raise BodyTooLargeError(max_bytes)
        return np.frombuffer(memoryview(cramjam.snappy.decompress_raw(body)), np.uint8)
    except cramjam.DecompressionError as error:
        raise MalformedBodyError(f"the body is not in snappy's block format: {error}") from error
