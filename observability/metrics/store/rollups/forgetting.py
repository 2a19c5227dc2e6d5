"""Taking samples that were deleted out of rollups too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store.paging import decode_directory
from observability.metrics.store.rollups import days, table
from observability.metrics.store.rollups.buckets import where
from observability.metrics.store.rollups.resolutions import HOUR_MS, ROW_MS
from observability.metrics.store.rollups.table import StoredRollup

Touched = Callable[[NDArray[np.int64]], NDArray[np.int64]]


def forget_series(metric_id: int, touched: Touched, start_ms: int, end_ms: int) -> int:
    """Take all buckets of some series out that meet a range of time, both ends included.

    Call it inside a transaction that has the metric (`compaction.try_lock`), once the samples are
    gone. The days of the range's edges are then rolled up again of the samples that are left, so that
    of buckets there nothing is lost but where there are only rollups. One row is in memory at a time.

    Args:
        metric_id: The metric of the series.
        touched: Returns, of series (ascending ids), those that lose samples.
        start_ms: The first time.
        end_ms: The last time.

    Returns:
        How many rows were written anew or deleted.
    """
    changed = 0
    for resolution_ms in ROW_MS:
        for row_id, row_start_ms in _rows(metric_id, resolution_ms, start_ms, end_ms):
            changed += _forget(
                metric_id, resolution_ms, row_start_ms, row_id, touched, start_ms, end_ms
            )
    for edge_ms in (start_ms, end_ms):
        days.mark_dirty(metric_id, edge_ms - HOUR_MS, edge_ms + HOUR_MS)
    return changed


def _rows(metric_id: int, resolution_ms: int, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, window_start_ms FROM metrics_rollup WHERE metric_id = %s"
            " AND resolution_ms = %s AND window_start_ms > %s AND window_start_ms <= %s",
            [metric_id, resolution_ms, start_ms - ROW_MS[resolution_ms], end_ms],
        )
        return [(row_id, row_start_ms) for row_id, row_start_ms in cursor.fetchall()]


def _forget(
    metric_id: int,
    resolution_ms: int,
    row_start_ms: int,
    row_id: int,
    touched: Touched,
    start_ms: int,
    end_ms: int,
) -> bool:
    """Take buckets out of a row; say whether it had any of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT directory FROM metrics_rollup WHERE id = %s", [row_id])
        (directory,) = cursor.fetchone()
    row = StoredRollup(row_id, decode_directory(directory))
    series_ids = row.directory.series_ids
    losing = touched(series_ids)
    if not len(losing):
        return False
    buckets = table.read([row], series_ids)
    meets = (buckets.ends_ms >= start_ms) & (buckets.ends_ms - resolution_ms < end_ms)
    stays = ~(meets & np.isin(series_ids, losing)[buckets.rows])
    if stays.all():
        return False
    table.delete([row])
    table.insert(metric_id, resolution_ms, row_start_ms, where(buckets, stays))
    return True
