"""Pages fetched from the tables that hold them, by what their directories say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        for run in _runs(row.directory.pages_of(series_ids))
    ]
    if not wanted:
        return
    ranges = [
        (
            number,
            row.directory.byte_range(run[0])[0],
            row.directory.byte_range(run[-1])[1],
            *row.key,
        )
        for number, (row, run) in enumerate(wanted)
    ]
    arrays = ", ".join(f"%s::{kind}[]" for kind in ("int", "int", "int", *key.values()))
    names = ", ".join(key)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.number,"  # noqa: S608 (our own names)
            " substring(stored.data FROM wanted.first + 1 FOR wanted.stop - wanted.first)"
            f" FROM unnest({arrays}) AS wanted (number, first, stop, {names})"
            f" JOIN {table} AS stored USING ({names})",
            [list(column) for column in zip(*ranges, strict=True)],
        )
        found = cursor.fetchall()
    if len(found) < len(ranges):
        raise SegmentGoneError
    for number, data in found:
        row, run = wanted[number]
        begin = ranges[number][1]
        for page in run:
            start, stop = row.directory.byte_range(page)
            yield row, page, bytes(data[start - begin : stop - begin])


def _runs(pages: NDArray[np.intp]) -> Iterator[range]:
    """Yield ascending page numbers as ranges of neighbours."""
    breaks = np.flatnonzero(np.diff(pages) != 1) + 1
    for run in np.split(pages, breaks):
        if len(run):
            yield range(int(run[0]), int(run[-1]) + 1)
