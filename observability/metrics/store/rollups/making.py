"""Rolling up: segments of a day become buckets of five minutes, and once it is over, of an hour.

A day of a metric is one transaction under the lock of its merges, so that any number of
workers may do it, and one that dies has done nothing. It may be done again at any time: the
same samples give the same buckets, and a bucket that has more samples than are left for
it, as after retention, stays.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from observability.metrics.store import segment_table
from observability.metrics.store.columns import merge, restrict
from observability.metrics.store.compaction import try_lock
from observability.metrics.store.page_table import SegmentGoneError, StoredPages
from observability.metrics.store.rollups import days, table
from observability.metrics.store.rollups.buckets import (
    Buckets,
    fold,
    fuller,
    join,
    of_samples,
    where,
)
from observability.metrics.store.rollups.resolutions import FIVE_MINUTES_MS, HOUR_MS, row_start_ms
from observability.metrics.store.segment_table import StoredSegment, cuts, stored_segment
from observability.metrics.store.windows import DAY_MS


def roll_up_due(*, seconds: float) -> int:
    """Roll up the days that are due until time is up; return how many were done."""
    deadline = time.monotonic() + seconds
    done = 0
    for metric_id, day_ms in days.due_days():
        try:
            done += roll_up_day(metric_id, day_ms)
        except SegmentGoneError:  # deleted while it was read: the next time does without it
            continue
        if time.monotonic() > deadline:
            break
    return done


def roll_up_day(metric_id: int, day_ms: int) -> bool:
    """Roll up a day of a metric; say whether there was work.

    There is none when another worker is at the metric, or has done it.

    Raises:
        SegmentGoneError: A segment was deleted meanwhile; nothing has changed.
    """
    with transaction.atomic():
        if not try_lock(metric_id):
            return False
        segments = _segments(metric_id, day_ms)
        source_id = max((segment.id for segment in segments), default=0)
        if source_id <= days.source_of(metric_id, day_ms):
            return False
        _Day(metric_id, day_ms, segments).roll_up()
        days.record(
            metric_id,
            day_ms,
            until_ms=max(segment.window.end_ms for segment in segments),
            source_id=source_id,
            sample_count=sum(int(segment.directory.counts.sum()) for segment in segments),
        )
    return True


def _segments(metric_id: int, day_ms: int) -> list[StoredSegment]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, level, window_start_ms, window_end_ms, directory FROM metrics_segment"
            " WHERE metric_id = %s AND level >= %s AND window_start_ms >= %s AND window_start_ms < %s",
            [metric_id, days.ROLLED_LEVEL, day_ms, day_ms + DAY_MS],
        )
        return [stored_segment(*row) for row in cursor.fetchall()]


class _Day:
    """The rollups of a metric's day, made a bounded number of samples at a time."""

    def __init__(self, metric_id: int, day_ms: int, segments: Sequence[StoredSegment]) -> None:
        self._metric_id = metric_id
        self._day_ms = day_ms
        self._segments = segments
        self._fine_start_ms = row_start_ms(FIVE_MINUTES_MS, day_ms)
        self._coarse_start_ms = row_start_ms(HOUR_MS, day_ms)
        self._fine = table.find(metric_id, FIVE_MINUTES_MS, self._fine_start_ms)
        # A day's buckets of an hour are written together with those of four weeks, so only once.
        self._is_over = max(segment.window.end_ms for segment in segments) == day_ms + DAY_MS
        self._coarse = (
            table.find(metric_id, HOUR_MS, self._coarse_start_ms) if self._is_over else []
        )

    def roll_up(self) -> None:
        """Write the rows anew."""
        for series_ids in _parts([*self._segments, *self._fine, *self._coarse]):
            pages = segment_table.fetch(self._segments, series_ids)
            samples = merge([restrict(page, series_ids) for page in pages]).columns
            fine = fuller(
                table.read(self._fine, series_ids), fold(of_samples(samples), FIVE_MINUTES_MS)
            )
            self._insert(FIVE_MINUTES_MS, self._fine_start_ms, fine)
            if not self._is_over:
                continue
            coarse = table.read(self._coarse, series_ids)
            is_of_day = coarse.first_ms // DAY_MS == self._day_ms // DAY_MS
            of_day = fuller(where(coarse, is_of_day), fold(fine, HOUR_MS))
            self._insert(HOUR_MS, self._coarse_start_ms, join([where(coarse, ~is_of_day), of_day]))
        table.delete([*self._fine, *self._coarse])

    def _insert(self, resolution_ms: int, start_ms: int, buckets: Buckets) -> None:
        table.insert(self._metric_id, resolution_ms, start_ms, buckets)


def _parts(rows: Sequence[StoredPages]) -> Sequence[NDArray[np.int64]]:
    """Return all series (ascending ids) in parts of a bounded number of samples and buckets."""
    series_ids, ranks = np.unique(
        np.concatenate([row.directory.series_ids for row in rows]), return_inverse=True
    )
    counts = np.concatenate([row.directory.counts for row in rows])
    totals = np.bincount(ranks, weights=counts, minlength=len(series_ids)).astype(np.int64)
    return [series_ids[cut] for cut in cuts(np.append(0, np.cumsum(totals)))]
