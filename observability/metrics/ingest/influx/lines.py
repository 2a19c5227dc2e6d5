"""Reading line protocol: bytes into arrays, with one dictionary look-up a field."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.metrics.ingest.influx.grammar import FIELDS, LINE
from observability.metrics.ingest.influx.line_fault import line_fault
from observability.metrics.ingest.influx.precision import Precision

# Of the lines that are wrong only so many are named.
MAX_FAULTS = 10
# The fields of a line are in memory as objects, all at once.
MAX_LINE_BYTES = 1024 * 1024

_NO_TIMESTAMP = -(2**63)


@dataclass(frozen=True, slots=True, order=True)
class LineFault:
    """What is wrong with a line; the first is number 1."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What some lines of a body hold.

    Attributes:
        keys: The series: measurement and tags as they stand on the line, a blank, the field's name.
        series: int64, for each value the place of its series in `keys`.
        timestamps_ms: int64, for each value.
        values: float64, finite.
        offsets: int64, for each value where its line begins in the body.
        text_count: How many fields held a text, which is no value.
        faults: The first lines that were wrong.
        bad_line_count: How many were.
    """

    keys: list[bytes]
    series: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    offsets: NDArray[np.int64]
    text_count: int
    faults: list[LineFault]
    bad_line_count: int


def read_lines(
    body: bytes, precision: Precision, *, now_ms: int, max_values: int
) -> Iterator[Points]:
    """Yield what the lines of a body hold, in parts; lines that are wrong are left out and named.

    Args:
        body: Line protocol.
        precision: What its timestamps count.
        now_ms: The time of points that have none.
        max_values: A part ends with the line that brings it to this number.
    """
    part = _Part(body)
    for match in LINE.finditer(body):
        series, fields, timestamp, other = match.groups()
        if match.end() - match.start() > MAX_LINE_BYTES:
            part.note_fault(match.start(), f"it is longer than {MAX_LINE_BYTES:,} bytes")
        elif series is not None:
            part.add(match.start(), series, fields, timestamp)
        elif other:
            part.add_other(match.start(), other)
        if len(part.values) >= max_values:
            yield part.points(precision, now_ms)
            part = _Part(body)
    yield part.points(precision, now_ms)


def line_number(body: bytes, offset: int) -> int:
    """Return the number of the line that begins at `offset`, from 1."""
    return body.count(b"\n", 0, offset) + 1


class _Part:
    """What has been read since the last part was yielded."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        # By measurement and tags, then by field: the place in `_keys`.
        self._places: dict[bytes, dict[bytes, int]] = {}
        self._keys: list[bytes] = []
        self._series = array("q")
        self.values = array("d")
        # For each line: where it begins, its time, its number of values.
        self._offsets = array("q")
        self._timestamps = array("q")
        self._counts = array("q")
        self._text_count = 0
        self._faults: list[LineFault] = []
        self._bad_line_count = 0

    def add(self, offset: int, series: bytes, fields: bytes, timestamp: bytes | None) -> None:
        """Take the parts of a line that is right."""
        places = self._places.get(series)
        if places is None:
            places = self._places[series] = {}
        count = 0
        for name, number, boolean in FIELDS.findall(fields):
            if number:
                value = float(number)
            elif boolean:
                value = 1.0 if boolean[0] in b"tT" else 0.0
            else:
                self._text_count += 1
                continue
            place = places.get(name)
            if place is None:
                place = places[name] = len(self._keys)
                self._keys.append(series + b" " + name)
            self._series.append(place)
            self.values.append(value)
            count += 1
        self._offsets.append(offset)
        self._timestamps.append(int(timestamp) if timestamp else _NO_TIMESTAMP)
        self._counts.append(count)

    def add_other(self, offset: int, line: bytes) -> None:
        """Note a line that is no point, unless it is blank or a comment."""
        line = line.strip(b" \t\r")
        if line and not line.startswith(b"#"):
            self.note_fault(offset, line_fault(line) if self._names_faults else "")

    @property
    def _names_faults(self) -> bool:
        return len(self._faults) < MAX_FAULTS

    def note_fault(self, offset: int, message: str) -> None:
        """Count a line that is wrong, and name it unless many were before it."""
        self._bad_line_count += 1
        if self._names_faults:
            self._faults.append(LineFault(line_number(self._body, offset), message))

    def points(self, precision: Precision, now_ms: int) -> Points:
        """Return what was read as arrays."""
        series = np.array(self._series, np.int64)
        values = np.array(self.values, np.float64)
        counts = np.array(self._counts, np.int64)
        offsets = np.repeat(np.array(self._offsets, np.int64), counts)
        timestamps = np.array(self._timestamps, np.int64)
        times = np.where(timestamps == _NO_TIMESTAMP, now_ms, precision.to_ms(timestamps))
        times = np.repeat(times, counts)
        is_finite = np.isfinite(values)
        if not is_finite.all():
            for place in np.flatnonzero(~is_finite).tolist():
                self.note_fault(int(offsets[place]), "a number is larger than 64 bits can hold")
            series, values = series[is_finite], values[is_finite]
            offsets, times = offsets[is_finite], times[is_finite]
        return Points(
            keys=self._keys,
            series=series,
            timestamps_ms=times,
            values=values,
            offsets=offsets,
            text_count=self._text_count,
            faults=self._faults,
            bad_line_count=self._bad_line_count,
        )
