"""Snappy's block format, with a bound on what comes out of it."""

from __future__ import annotations

import cramjam
import numpy as np
from numpy.typing import NDArray

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError

MAX_BYTES = 32 * 1024 * 1024
# A copy of up to 64 bytes takes three: nothing shrinks to less.
_LARGEST_RATIO = 64 / 3


def decompress(body: bytes, *, max_bytes: int = MAX_BYTES) -> NDArray[np.uint8]:
    """Return what `body` holds; its announced length is judged before any memory is taken.

    Raises:
        BodyTooLargeError: It would be larger than `max_bytes`.
        MalformedBodyError: It is not snappy's block format.
    """
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > len(body) * _LARGEST_RATIO:
            raise MalformedBodyError("the body is not in snappy's block format: it is cut off")
        if size > max_bytes:
            raise BodyTooLargeError(max_bytes)
        return np.frombuffer(memoryview(cramjam.snappy.decompress_raw(body)), np.uint8)
    except cramjam.DecompressionError as error:
        raise MalformedBodyError(f"the body is not in snappy's block format: {error}") from error
