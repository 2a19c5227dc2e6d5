"""Remote-write bodies for tests, written by hand, and slow readers that know nothing of arrays."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cramjam

from observability.metrics.ingest.protobuf import Wire, field, fields, varint

HEADERS = {
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


HEADERS_V2 = HEADERS | {"X-Prometheus-Remote-Write-Version": "2.0.0"}
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"

Labels = Mapping[str, str] | Sequence[tuple[str | bytes, str | bytes]]


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
    labels: Labels,
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


class Symbols:
    """The symbols of a remote-write 2.0 body that is being written."""

    def __init__(self) -> None:
        self.places: dict[bytes, int] = {b"": 0}

    def ref(self, text: str | bytes) -> int:
        text = text.encode() if isinstance(text, str) else text
        return self.places.setdefault(text, len(self.places))

    def message(self, *series: bytes) -> bytes:
        """The body with these series, each with all that is inside of it."""
        written = b"".join(field(4, text) for text in self.places)
        return written + b"".join(field(5, content) for content in series)

    def labels(self, labels: Labels) -> bytes:
        pairs = sorted(labels.items()) if isinstance(labels, Mapping) else labels
        return refs(*(self.ref(text) for pair in pairs for text in pair))

    def metadata(self, kind: int, help_text: str | bytes = "", unit: str = "") -> bytes:
        parts = {1: kind, 3: self.ref(help_text), 4: self.ref(unit)}
        return field(
            5, b"".join(varint(number << 3) + varint(n) for number, n in parts.items() if n)
        )

    def series(
        self, labels: Labels, *samples: tuple[int, float | bytes], more: bytes = b""
    ) -> bytes:
        """What is inside of a series."""
        written = b"".join(sample(timestamp_ms, value) for timestamp_ms, value in samples)
        return self.labels(labels) + written + more


def refs(*places: int) -> bytes:
    """The labels of a series of 2.0, by the places of their symbols."""
    return field(1, b"".join(varint(place) for place in places))


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


def read_series_v2(message: bytes) -> list[ReadSeries]:
    """The same for a body of 2.0, with the labels as 1.0 writes them."""
    parts = list(fields(message))
    symbols = [_bytes(text) for number, _, text in parts if number == 4]
    found = []
    for number, _, content in parts:
        if number != 5:
            continue
        inside = list(fields(_bytes(content)))
        places = [place for n, _, part in inside if n == 1 for place in _read_refs(part)]
        labels = b"".join(
            label(symbols[name], symbols[value])
            for name, value in zip(places[::2], places[1::2], strict=True)
        )
        samples = [_read_sample(_bytes(part)) for n, _, part in inside if n == 2]
        if samples:
            found.append(ReadSeries(labels, samples))
    return found


def read_statements_v2(message: bytes) -> dict[bytes, tuple[int, bytes, bytes]]:
    """Type, help and unit, by metric name, as a body of 2.0 says them first."""
    parts = list(fields(message))
    symbols = [_bytes(text) for number, _, text in parts if number == 4]
    found: dict[bytes, tuple[int, bytes, bytes]] = {}
    for number, _, content in parts:
        if number != 5:
            continue
        inside = list(fields(_bytes(content)))
        places = [symbols[p] for n, _, part in inside if n == 1 for p in _read_refs(part)]
        name = dict(zip(places[::2], places[1::2], strict=True)).get(b"__name__")
        said = next((_bytes(part) for n, _, part in reversed(inside) if n == 5), b"")
        if name is None or not said or not any(n == 2 for n, _, _ in inside):
            continue
        numbers = {n: value for n, _, value in fields(said) if isinstance(value, int)}
        found.setdefault(
            name, (numbers.get(1, 0), symbols[numbers.get(3, 0)], symbols[numbers.get(4, 0)])
        )
    return found


def _read_refs(part: bytes | int) -> Iterator[int]:
    if isinstance(part, int):
        yield part
        return
    # Packed numbers are fields without tags; one in front of each makes them some.
    while part:
        size = next(place for place, byte in enumerate(part) if byte < 0x80) + 1
        [(_, _, number)] = fields(b"\x08" + part[:size])
        assert isinstance(number, int)
        yield number
        part = part[size:]


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
