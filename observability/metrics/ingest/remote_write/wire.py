"""Protobuf's wire format in compiled code: what the walks over both versions of the message share."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from observability.metrics.ingest.known_series import Bytes, load_word

# A field's tag: its number times eight, plus its wire type (1: eight bytes, 2: a length and so many bytes).
_VALUE_TAG, _TIMESTAMP_TAG = 1 << 3 | 1, 2 << 3


def _store_word(typing_context: Any, data: Any, at: Any, word: Any) -> Any:
    """Write eight bytes from `at` (compiled code; the caller checks the bounds)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        target = builder.bitcast(address, ir.IntType(64).as_pointer())
        builder.store(arguments[2], target, align=1)
        return context.get_dummy_value()

    return types.void(data, types.int64, types.uint64), generate


store_word: Any = intrinsic(_store_word)


@njit(nogil=True, cache=True)
def read_sample(data: Bytes, at: int, end: int) -> Any:
    """Return the bits and the time of a Sample, and whether it is one; fields that are zero may be missing."""
    value = np.uint64(0)
    timestamp_ms = np.int64(0)
    while at < end:
        tag, inside, at = read_field(data, at, end)
        if at < 0:
            return value, timestamp_ms, False
        if tag == _VALUE_TAG:
            value = load_word(data, inside)
        elif tag == _TIMESTAMP_TAG:
            number, _ = read_varint(data, inside, at)
            timestamp_ms = np.int64(number)
        elif tag < 24:
            return value, timestamp_ms, False
    return value, timestamp_ms, True


@njit(nogil=True, cache=True)
def read_field(data: Bytes, at: int, end: int) -> Any:
    """Return a field's tag, where its content begins and where it ends; -1 for the end of a broken one."""
    number, at = read_varint(data, at, end)
    # Field numbers end at 2**29 - 1, and begin at 1.
    if at < 0 or number < 8 or number >= 1 << 32:
        return 0, at, -1
    tag = np.int64(number)
    wire = tag & 7
    if wire == 0:
        _, after = read_varint(data, at, end)
        return tag, at, after
    if wire == 1:
        return tag, at, at + 8 if at + 8 <= end else -1
    if wire == 5:
        return tag, at, at + 4 if at + 4 <= end else -1
    if wire != 2:
        return tag, at, -1
    size, at = read_varint(data, at, end)
    if at < 0 or size > np.uint64(end - at):
        return tag, at, -1
    return tag, at, at + np.int64(size)


@njit(nogil=True, cache=True)
def read_varint(data: Bytes, at: int, end: int) -> Any:
    """Return a variable-length number and where it ends, -1 when it does not."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < 64:
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < 0x80:
            return value, at
        shift += np.uint64(7)
    return value, -1


@njit(nogil=True, cache=True)
def text_field_size(size: int) -> Any:
    """Return how many bytes a field with a number up to 15 takes that holds so many."""
    room = 2 + size
    while size > 0x7F:
        size >>= 7
        room += 1
    return room


@njit(nogil=True, cache=True)
def write_head(target: Bytes, at: int, tag: int, size: int) -> Any:
    """Write the tag and the length of a field with a number up to 15; return where its content goes."""
    target[at] = tag
    at += 1
    while size > 0x7F:
        target[at] = size & 0x7F | 0x80
        size >>= 7
        at += 1
    target[at] = size
    return at + 1


@njit(nogil=True, cache=True)
def write_text(target: Bytes, at: int, tag: int, source: Bytes, start: int, end: int) -> Any:
    """Write a field that holds the bytes of `source` from start to end; return where it ends."""
    at = write_head(target, at, tag, end - start)
    after = at + end - start
    # Whole words are much faster; of the last one, what is too much is written over by what follows.
    while start < end and start + 8 <= len(source) and at + 8 <= len(target):
        store_word(target, at, load_word(source, start))
        start += 8
        at += 8
    while start < end:
        target[at] = source[start]
        start += 1
        at += 1
    return after
