"""Pages fetched from the tables that hold them, by what their directories say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store.paging import Directory


class SegmentGoneError(Exception):
    """A row was merged into another, or deleted, after its directory was read."""


class StoredPages(Protocol):
    """A row of a table, known by its directory."""

    @property
    def key(self) -> tuple[int, ...]:
        """What the row is found by."""
        ...

    @property
    def directory(self) -> Directory:
        """Where its pages lie."""
        ...


StoredT = TypeVar("StoredT", bound=StoredPages)


def fetch_pages(
    table: str, key: Mapping[str, str], rows: Sequence[StoredT], series_ids: NDArray[np.int64]
) -> Iterator[tuple[StoredT, int, bytes]]:
    """Yield each page that holds some of the series (ascending ids): its row, number and bytes.

    Args:
        table: The table, one of our own.
        key: The columns of what a row is found by, with their types.
        rows: The rows to look into.
        series_ids: At least one.

    Raises:
        SegmentGoneError: One of the rows is there no more.
    """
    wanted = [
        (row, run)
        for row in rows
        if row.directory.may_hold(series_ids)
        for run in page_runs(row.directory.pages_of(series_ids))
    ]
    if not wanted:
        return
    ranges = [
        ByteRange(
            row.key, row.directory.byte_range(run[0])[0], row.directory.byte_range(run[-1])[1]
        )
        for row, run in wanted
    ]
    found = fetch_ranges(table, key, ranges)
    for (row, run), wanted_range, data in zip(wanted, ranges, found, strict=True):
        for page in run:
            start, stop = row.directory.byte_range(page)
            yield row, page, data[start - wanted_range.start : stop - wanted_range.start]


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of the data of a row; the end is exclusive."""

    key: tuple[int, ...]
    start: int
    stop: int


def fetch_ranges(table: str, key: Mapping[str, str], ranges: Sequence[ByteRange]) -> list[bytes]:
    """Return the bytes of each range, at least one.

    Raises:
        SegmentGoneError: One of the rows is there no more.
    """
    columns = [
        list(range(len(ranges))),
        [one.start for one in ranges],
        [one.stop for one in ranges],
        *(list(numbers) for numbers in zip(*(one.key for one in ranges), strict=True)),
    ]
    arrays = ", ".join(f"%s::{kind}[]" for kind in ("int", "int", "int", *key.values()))
    names = ", ".join(key)
    found = [b""] * len(ranges)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.number,"  # noqa: S608 (our own names)
            " substring(stored.data FROM wanted.first + 1 FOR wanted.stop - wanted.first)"
            f" FROM unnest({arrays}) AS wanted (number, first, stop, {names})"
            f" JOIN {table} AS stored USING ({names})",
            columns,
        )
        if cursor.rowcount < len(ranges):
            raise SegmentGoneError
        for number, data in cursor.fetchall():
            found[number] = bytes(data)
    return found


def page_runs(pages: NDArray[np.int64]) -> Iterator[range]:
    """Yield ascending page numbers as ranges of neighbours."""
    breaks = np.flatnonzero(np.diff(pages) != 1) + 1
    for run in np.split(pages, breaks):
        if len(run):
            yield range(int(run[0]), int(run[-1]) + 1)
