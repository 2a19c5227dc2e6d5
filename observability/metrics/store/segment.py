"""The codec of segments: the times of samples, which series share, and their values."""

from __future__ import annotations

from observability.metrics.store import paging
from observability.metrics.store.columns import SeriesColumns
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
