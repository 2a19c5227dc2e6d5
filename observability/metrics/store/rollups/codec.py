"""The codec of rollups: what series of one scrape share is kept once, zeros take next to nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store import paging
from observability.metrics.store.paging import Directory, Encoded
from observability.metrics.store.rollups.buckets import ALL_COLUMNS, Buckets
from observability.promql.storage import RollupColumn

# When buckets end, how many samples they have, and how long before the end the first and the last
# were taken: series that are scraped together have these in common.
_ENDS, _COUNTS = range(2)
_LAGS = (RollupColumn.FIRST_MS, RollupColumn.LAST_MS)
# The least value of a counter is its first one, and the greatest its last one, unless it was
# reset: of two equal columns that stand together one is kept.
_OWN = (
    RollupColumn.FIRST,
    RollupColumn.MIN,
    RollupColumn.LAST,
    RollupColumn.MAX,
    RollupColumn.SUM,
    RollupColumn.LOST,
    RollupColumn.RESETS,
    RollupColumn.CHANGES,
    RollupColumn.STALE,
)
_SHARED_COUNT = 2 + len(_LAGS)
_NUMBERS = {name: number for number, name in enumerate((*_LAGS, *_OWN), start=2)}
_COUNTED = (RollupColumn.RESETS, RollupColumn.CHANGES, RollupColumn.STALE)


def encode(buckets: Buckets) -> Encoded:
    """Return buckets, at least one, with all columns, as pages."""
    columns = buckets.columns
    return paging.encode(
        paging.Table(
            series_ids=buckets.series_ids,
            offsets=buckets.offsets,
            shared=[
                buckets.ends_ms,
                buckets.counts.astype(np.uint32),
                *((buckets.ends_ms - columns[name]).astype(np.uint32) for name in _LAGS),
            ],
            own=[
                columns[name].astype(np.uint32) if name in _COUNTED else columns[name]
                for name in _OWN
            ],
        )
    )


def decode_page(
    directory: Directory,
    page: int,
    data: bytes,
    wanted: Collection[RollupColumn] = ALL_COLUMNS,
) -> Buckets:
    """Return the buckets of a page whose bytes are `data`, with the wanted columns."""
    decoded = directory.page(
        page,
        data,
        shared_count=_SHARED_COUNT,
        wanted=[_ENDS, _COUNTS, *(_NUMBERS[name] for name in wanted)],
    )
    ends_ms = decoded.columns[_ENDS]
    columns: dict[RollupColumn, NDArray[Any]] = {}
    for name in wanted:
        column = decoded.columns[_NUMBERS[name]]
        if name in _LAGS:
            column = ends_ms - column.astype(np.int64)
        elif name in _COUNTED:
            column = column.astype(np.int64)
        columns[name] = column
    return Buckets(
        series_ids=decoded.series_ids,
        offsets=decoded.offsets,
        ends_ms=ends_ms,
        counts=decoded.columns[_COUNTS].astype(np.int64),
        columns=columns,
    )
