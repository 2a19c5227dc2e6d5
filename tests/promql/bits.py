"""Floats by their bits: the only way to tell one NaN from another."""

import struct


def bits_of(value: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", value))[0])
