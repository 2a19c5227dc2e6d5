"""Remote-write 1.0 bodies for tests, written by hand, and a slow reader that knows nothing of arrays."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cramjam

from observability.metrics.ingest.protobuf import Wire, field, fields, varint

HEADERS = {
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def snappy(message: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(message))


def label(name: str | bytes, value: str | bytes) -> bytes:
    name, value = (part.encode() if isinstance(part, str) else part for part in (name, value))
    return field(1, field(1, name) + field(2, value))


def sample(timestamp_ms: int, value: float | bytes) -> bytes:
    """A sample as Go writes it: what is zero is left out."""
    bits = value if isinstance(value, bytes) else struct.pack("<d", value)
    written = b"" if bits == bytes(8) else b"\x09" + bits
    if timestamp_ms:
        written += b"\x10" + varint(timestamp_ms % 2**64)
    return field(2, written)


def series(
    labels: Mapping[str, str] | Sequence[tuple[str | bytes, str | bytes]],
    *samples: tuple[int, float | bytes],
    more: bytes = b"",
) -> bytes:
    pairs = sorted(labels.items()) if isinstance(labels, Mapping) else labels
    content = b"".join(label(name, value) for name, value in pairs)
    content += b"".join(sample(timestamp_ms, value) for timestamp_ms, value in samples)
    return field(1, content + more)


def metadata(kind: int, name: str, help_text: str = "", unit: str = "") -> bytes:
    content = b"\x08" + varint(kind) + field(2, name.encode())
    return field(3, content + field(4, help_text.encode()) + field(5, unit.encode()))


@dataclass(frozen=True)
class ReadSeries:
    labels: bytes
    samples: list[tuple[int, bytes]]


def read_series(message: bytes) -> list[ReadSeries]:
    """The plain twin of the compiled walk: series with samples, by an ordinary reading of protobuf."""
    found = []
    for number, _, content in fields(message):
        if number != 1:
            continue
        assert isinstance(content, bytes)
        parts = list(fields(content))
        labels = b"".join(field(1, _bytes(part)) for number, _, part in parts if number == 1)
        samples = [_read_sample(_bytes(part)) for number, _, part in parts if number == 2]
        if samples:
            found.append(ReadSeries(labels, samples))
    return found


def _read_sample(message: bytes) -> tuple[int, bytes]:
    timestamp_ms, bits = 0, bytes(8)
    for number, wire, content in fields(message):
        if (number, wire) == (1, Wire.EIGHT_BYTES):
            bits = _bytes(content)
        if (number, wire) == (2, Wire.VARINT):
            assert isinstance(content, int)
            timestamp_ms = content - 2**64 if content >= 2**63 else content
    return timestamp_ms, bits


def _bytes(content: bytes | int) -> bytes:
    assert isinstance(content, bytes)
    return content
