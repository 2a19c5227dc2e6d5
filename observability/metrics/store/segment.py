"""The codec of segments: the times of samples, which series share, and their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store import paging
from observability.metrics.store.assembly import Runs
from observability.metrics.store.columns import SeriesColumns, places_and_rows
from observability.metrics.store.paging import Directory, Encoded

_TIMESTAMPS, _VALUES = range(2)


def encode(columns: SeriesColumns) -> Encoded:
    """Return samples, at least one, as a segment."""
    return paging.encode(
        paging.Table(
            series_ids=columns.series_ids,
            offsets=columns.offsets,
            shared=[columns.timestamps_ms],
            own=[columns.values],
        )
    )


def decode_page(directory: Directory, page: int, data: bytes) -> SeriesColumns:
    """Return the samples of a page whose bytes are `data`."""
    decoded = directory.page(page, data, shared_count=1)
    return SeriesColumns(
        series_ids=decoded.series_ids,
        offsets=decoded.offsets,
        timestamps_ms=decoded.columns[_TIMESTAMPS],
        values=decoded.columns[_VALUES],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeries:
    """Some series as a segment has them.

    Attributes:
        places: int64, ascending: which of the series that were looked for it has.
        rows: int64, ascending: where in its directory they stand.
        pages: int64, ascending: the pages that hold them.
    """

    places: NDArray[np.int64]
    rows: NDArray[np.int64]
    pages: NDArray[np.int64]


def find(directory: Directory, series_ids: NDArray[np.int64]) -> FoundSeries:
    """Return which of some series (ascending ids) a segment has."""
    places, rows = places_and_rows(directory.series_ids, series_ids)
    pages = rows // directory.series_per_page
    is_first = np.ones(len(pages), np.bool_)
    is_first[1:] = pages[1:] != pages[:-1]
    return FoundSeries(places=places, rows=rows, pages=pages[is_first])


def decode_runs(directory: Directory, found: FoundSeries, data: Sequence[bytes]) -> Iterator[Runs]:
    """Yield the samples of the series found, page by page, from the bytes of the pages."""
    firsts = found.pages * directory.series_per_page
    # Where in its page's columns the samples of each series begin.
    page_of_row = found.rows // directory.series_per_page * directory.series_per_page
    vectors = directory.vectors
    first_times = (
        directory.vector_offsets[vectors[found.rows]]
        - directory.vector_offsets[vectors[page_of_row]]
    )
    first_values = directory.offsets[found.rows] - directory.offsets[page_of_row]
    counts = directory.counts[found.rows]
    bounds = [*np.searchsorted(found.rows, firsts).tolist(), len(found.rows)]
    for place, (page, part) in enumerate(zip(found.pages.tolist(), data, strict=True)):
        rows = slice(bounds[place], bounds[place + 1])
        yield Runs(
            places=found.places[rows],
            first_times=first_times[rows],
            first_values=first_values[rows],
            counts=counts[rows],
            timestamps_ms=directory.stored_column(page, part, _TIMESTAMPS),
            values=directory.stored_column(page, part, _VALUES),
        )
