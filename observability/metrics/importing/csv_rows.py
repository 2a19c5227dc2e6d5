"""CSV files: a line of column names, then a sample a line.

The columns `metric` (or `name`), `timestamp` (or `time`) and `value` are needed, in any order;
all others are labels, and a cell without text is no label.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

import numpy as np

from observability.metrics.importing.chunks import MAX_RECORD_BYTES, Chunk, after_lines
from observability.metrics.importing.errors import ImportFailedError
from observability.metrics.importing.numbers import read_time_ms, read_value
from observability.metrics.importing.parts import Fault, Rows
from observability.promql.labels import METRIC_NAME

_COLUMNS = {"metric": ("metric", "name"), "timestamp": ("timestamp", "time"), "value": ("value",)}

CsvKey = tuple[str, ...]


class CsvFormat:
    """Reads it.

    Args:
        head: The first line of the file, which names the columns.

    Raises:
        ImportFailedError: It is not a line of CSV, or a column is missing or there twice.
    """

    cut = staticmethod(after_lines)

    def __init__(self, head: bytes) -> None:
        # Excel begins its files with a byte order mark.
        try:
            names = next(csv.reader([head.decode("utf-8-sig", errors="replace").strip()]), [])
        except csv.Error as error:
            raise ImportFailedError(f"line 1: not a line of CSV: {error}") from None
        self._names = [name.strip() for name in names]
        twice = {name for name in self._names if self._names.count(name) > 1}
        if twice:
            raise ImportFailedError(f"the column {min(twice)!r} is there twice")
        metric, timestamp, value = (self._column(wanted) for wanted in _COLUMNS)
        self._timestamp, self._value = timestamp, value
        self._labels = [
            (place, METRIC_NAME if place == metric else name)
            for place, name in enumerate(self._names)
            if place not in (timestamp, value)
        ]

    def read(self, chunk: Chunk) -> Rows[CsvKey]:
        """Return the samples of a chunk."""
        faults: list[Fault] = []
        keys: list[CsvKey] = []
        lines: list[int] = []
        times: list[int] = []
        values: list[float] = []
        # Each line by itself, so that a quote that is not closed takes no other line with it.
        for number, line in enumerate(chunk.text.split(b"\n")[:-1], chunk.first_line):
            if number == 1 or not line.strip():
                continue
            try:
                cells = self._cells(line)
                time_ms, value = (
                    read_time_ms(cells[self._timestamp]),
                    read_value(cells[self._value]),
                )
            except ValueError as error:
                faults.append(Fault(number, str(error)))
                continue
            keys.append(tuple(cells[place] for place, _ in self._labels))
            lines.append(number)
            times.append(time_ms)
            values.append(value)
        return Rows(
            keys=keys,
            lines=np.array(lines, np.int64),
            timestamps_ms=np.array(times, np.int64),
            values=np.array(values, np.float64),
            faults=faults,
        )

    def decode(self, key: CsvKey) -> Mapping[str, str]:
        """Return the labels of a row."""
        return {name: text for (_, name), text in zip(self._labels, key, strict=True) if text}

    def _cells(self, line: bytes) -> Sequence[str]:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise ValueError("the line is not valid UTF-8") from None
        text = text.removesuffix("\r")
        if '"' in text:
            try:
                cells = next(csv.reader([text], strict=True))
            except csv.Error as error:
                raise ValueError(f"not a line of CSV: {error}") from None
        else:
            cells = text.split(",")
        if len(cells) != len(self._names):
            raise ValueError(f"expected {len(self._names)} cells; got {len(cells)}")
        return cells

    def _column(self, wanted: str) -> int:
        found = [place for place, name in enumerate(self._names) if name in _COLUMNS[wanted]]
        if not found:
            names = " or ".join(repr(name) for name in _COLUMNS[wanted])
            raise ImportFailedError(
                f"line 1: the column {names} is missing; got {', '.join(self._names)[:200]!r}"
            )
        return found[0]


csv.field_size_limit(MAX_RECORD_BYTES)
