"""Rewriting segments without samples that were deleted.

A day of a metric is one transaction, like the merge of that day, and under the same lock. No
merge crosses the border of a day, so whoever goes through the days once has seen everything
that was there when it began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store import segment_table
from observability.metrics.store.columns import EMPTY, SeriesColumns, merge, places_of, remove
from observability.metrics.store.page_table import SegmentGoneError
from observability.metrics.store.partitions import ensure_partitions
from observability.metrics.store.segment_table import NewSegment, StoredSegment, stored_segment
from observability.metrics.store.windows import DAY_MS, TOP_LEVEL

# Before and after all samples.
EARLIEST_MS, LATEST_MS = -(2**61), 2**61
# Bounds the arrays of a statement.
_IDS_PER_LOOK = 50_000


class Cut(Protocol):
    """Which samples of a metric go."""

    # The range of time within which they are, both ends included.
    start_ms: int
    end_ms: int
    # Whether series lose all that they have, so that it need not be read.
    takes_all: bool

    def touched(self, series_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of the series (ascending ids) that lose samples."""
        ...


class DeadSeries:
    """All samples of series that are not in the catalogue any more."""

    start_ms = EARLIEST_MS
    end_ms = LATEST_MS
    takes_all = True

    def touched(self, series_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those that the catalogue does not know."""
        is_dead = np.ones(len(series_ids), np.bool_)
        for first in range(0, len(series_ids), _IDS_PER_LOOK):
            part = series_ids[first : first + _IDS_PER_LOOK]
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT id FROM metrics_series WHERE id = ANY(%s) ORDER BY id", [part.tolist()]
                )
                alive = np.array(cursor.fetchall(), np.int64).reshape(-1)
            is_dead[first + places_of(part, alive)] = False
        return series_ids[is_dead]


class RangeOfSeries:
    """The samples of some series (ascending ids) within a range of time, both ends included."""

    def __init__(self, series_ids: NDArray[np.int64], start_ms: int, end_ms: int) -> None:
        self._series_ids = series_ids
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.takes_all = False

    def touched(self, series_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those that are among the series."""
        return series_ids[places_of(series_ids, self._series_ids)]


def next_day(metric_id: int, cut: Cut, from_ms: int | None) -> int | None:
    """Return the first day, from a time on, in which a segment of the metric may lose samples."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(window_start_ms) FROM metrics_segment WHERE metric_id = %s"
            " AND window_start_ms >= %s AND max_timestamp_ms >= %s AND min_timestamp_ms <= %s",
            [
                metric_id,
                _day_of(cut.start_ms) if from_ms is None else from_ms,
                cut.start_ms,
                cut.end_ms,
            ],
        )
        (start_ms,) = cursor.fetchone()
    return None if start_ms is None else _day_of(start_ms)


def _day_of(timestamp_ms: int) -> int:
    return timestamp_ms // DAY_MS * DAY_MS


def rewrite_day(metric_id: int, day_ms: int, cut: Cut) -> int:
    """Take the samples out of the metric's segments of a day; return how many were removed.

    Call it inside a transaction that has the metric's segments (`compaction.try_lock`).

    Raises:
        SegmentGoneError: A segment was deleted meanwhile; roll back and try again.
    """
    segments = _segments(metric_id, day_ms, cut)
    if not segments:
        return 0
    if any(segment.level == TOP_LEVEL for segment in segments):
        # It is there, and is to stay until this is done.
        ensure_partitions([day_ms])
    touched = cut.touched(np.unique(np.concatenate([s.directory.series_ids for s in segments])))
    rewriting = _Rewriting(metric_id, cut, touched)
    segment_table.insert(rewriting.run(segments))
    if segment_table.delete(rewriting.replaced) < len(rewriting.replaced):
        raise SegmentGoneError
    return rewriting.removed


def _segments(metric_id: int, day_ms: int, cut: Cut) -> list[StoredSegment]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, level, window_start_ms, window_end_ms, directory FROM metrics_segment"
            " WHERE metric_id = %s AND window_start_ms >= %s AND window_start_ms < %s"
            " AND max_timestamp_ms >= %s AND min_timestamp_ms <= %s",
            [metric_id, day_ms, day_ms + DAY_MS, cut.start_ms, cut.end_ms],
        )
        return [stored_segment(*row) for row in cursor.fetchall()]


class _Rewriting:
    """One segment after the other, so that one at a time is in memory."""

    def __init__(self, metric_id: int, cut: Cut, touched: NDArray[np.int64]) -> None:
        self._metric_id = metric_id
        self._cut = cut
        self._touched = touched
        self.replaced: list[int] = []
        self.removed = 0

    def run(self, segments: Sequence[StoredSegment]) -> Iterator[NewSegment]:
        """Yield what stays of those segments that lose samples."""
        for segment in segments:
            directory = segment.directory
            lost = places_of(directory.series_ids, self._touched)
            if not len(lost):
                continue
            count = int(directory.counts.sum())
            rest = self._rest(segment, lost)
            if len(rest) == count:
                continue
            self.replaced.append(segment.id)
            self.removed += count - len(rest)
            if len(rest):
                yield NewSegment(
                    metric_id=self._metric_id,
                    level=segment.level,
                    window=segment.window,
                    columns=rest,
                )

    def _rest(self, segment: StoredSegment, lost: NDArray[np.intp]) -> SeriesColumns:
        wanted = segment.directory.series_ids
        if self._cut.takes_all:
            wanted = np.delete(wanted, lost)
        if not len(wanted):
            return EMPTY
        pages = merge(list(segment_table.fetch([segment], wanted))).columns
        return remove(pages, self._touched, self._cut.start_ms, self._cut.end_ms)
