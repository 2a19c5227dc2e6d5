"""A hash of label sets: XXH64 over the bytes in which Prometheus keeps them.

Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md; the bytes are those of
Prometheus 3, model/labels/labels_stringlabels.go.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from observability.promql.labels import LabelSet

_PRIME_1 = np.uint64(0x9E3779B185EBCA87)
_PRIME_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME_3 = np.uint64(0x165667B19E3779F9)
_PRIME_4 = np.uint64(0x85EBCA77C2B2AE63)
_PRIME_5 = np.uint64(0x27D4EB2F165667C5)
_LONGEST_SHORT = 254


def label_hashes(label_sets: Sequence[LabelSet]) -> NDArray[np.uint64]:
    """Return the hash of each label set."""
    texts = [_encoded(labels) for labels in label_sets]
    ends = np.cumsum(np.array([len(text) for text in texts], dtype=np.int64))
    return np.asarray(_hashes(np.frombuffer(b"".join(texts), dtype=np.uint8), ends))


def hash_bytes(data: bytes) -> int:
    """Return the XXH64 of some bytes, with seed 0."""
    return int(_hash(np.frombuffer(data, dtype=np.uint8), 0, len(data)))


def _encoded(labels: LabelSet) -> bytes:
    parts = []
    for text in (text for pair in labels for text in pair):
        data = text.encode(errors="surrogateescape")
        size = len(data)
        parts.append(
            bytes([size]) if size <= _LONGEST_SHORT else b"\xff" + size.to_bytes(3, "little")
        )
        parts.append(data)
    return b"".join(parts)


@njit(nogil=True, cache=True)
def _hashes(data: Any, ends: Any) -> Any:
    hashes = np.empty(len(ends), dtype=np.uint64)
    start = 0
    for i in range(len(ends)):
        hashes[i] = _hash(data, start, ends[i])
        start = ends[i]
    return hashes


@njit(nogil=True, cache=True)
def _hash(data: Any, start: int, end: int) -> Any:
    at = start
    if end - start >= 32:
        a, b = _PRIME_1 + _PRIME_2, _PRIME_2
        c, d = np.uint64(0), np.uint64(0) - _PRIME_1
        while end - at >= 32:
            a = _round(a, _word(data, at, 8))
            b = _round(b, _word(data, at + 8, 8))
            c = _round(c, _word(data, at + 16, 8))
            d = _round(d, _word(data, at + 24, 8))
            at += 32
        found = _rotated(a, 1) + _rotated(b, 7) + _rotated(c, 12) + _rotated(d, 18)
        for lane in (a, b, c, d):
            found = (found ^ _round(np.uint64(0), lane)) * _PRIME_1 + _PRIME_4
    else:
        found = _PRIME_5
    found += np.uint64(end - start)
    while end - at >= 8:
        found ^= _round(np.uint64(0), _word(data, at, 8))
        found = _rotated(found, 27) * _PRIME_1 + _PRIME_4
        at += 8
    if end - at >= 4:
        found ^= _word(data, at, 4) * _PRIME_1
        found = _rotated(found, 23) * _PRIME_2 + _PRIME_3
        at += 4
    while at < end:
        found ^= np.uint64(data[at]) * _PRIME_5
        found = _rotated(found, 11) * _PRIME_1
        at += 1
    found = (found ^ (found >> np.uint64(33))) * _PRIME_2
    found = (found ^ (found >> np.uint64(29))) * _PRIME_3
    return found ^ (found >> np.uint64(32))


@njit(nogil=True, cache=True)
def _round(lane: Any, word: Any) -> Any:
    return _rotated(lane + word * _PRIME_2, 31) * _PRIME_1


@njit(nogil=True, cache=True)
def _rotated(word: Any, bits: int) -> Any:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@njit(nogil=True, cache=True)
def _word(data: Any, at: int, size: int) -> Any:
    """Return a little-endian number."""
    word = np.uint64(0)
    for i in range(size):
        word |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return word
