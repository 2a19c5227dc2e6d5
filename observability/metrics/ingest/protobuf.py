"""Protobuf's wire format, for the few messages that are not worth compiled code."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from observability.metrics.errors import MalformedBodyError


class Wire(IntEnum):
    """How a field's content is written."""

    VARINT = 0
    EIGHT_BYTES = 1
    LENGTH = 2
    FOUR_BYTES = 5


def fields(message: bytes) -> Iterator[tuple[int, Wire, bytes | int]]:
    """Yield number, wire type and content of each field: a number for varints, bytes for all others.

    Raises:
        MalformedBodyError: The message is broken.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        try:
            number, wire = tag >> 3, Wire(tag & 7)
        except ValueError:
            raise MalformedBodyError(f"no protobuf field has the wire type {tag & 7}") from None
        if not 1 <= number < 1 << 29:
            raise MalformedBodyError(f"no protobuf field has the number {number}")
        if wire is Wire.VARINT:
            value, at = _varint(message, at)
            yield number, wire, value
            continue
        size = 8 if wire is Wire.EIGHT_BYTES else 4
        if wire is Wire.LENGTH:
            size, at = _varint(message, at)
        if at + size > len(message):
            raise MalformedBodyError("a protobuf message ends in the middle of a field")
        yield number, wire, message[at : at + size]
        at += size


def numbers(packed: bytes) -> list[int]:
    """Return packed numbers, one after the other.

    Raises:
        MalformedBodyError: The last ends in the middle.
    """
    found: list[int] = []
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        found.append(value)
    return found


def field(number: int, content: bytes) -> bytes:
    """Return a field that holds bytes, text or a message."""
    return varint(number << 3 | Wire.LENGTH) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Return a number that is not negative as protobuf writes it."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise MalformedBodyError("a protobuf message ends in the middle of a number")
