"""Compaction: settled log rows become segments of a minute, those segments of longer windows.

Every step is one transaction that writes the new segments and deletes what they were made
of: a reader sees each sample once, before and after, and a step that dies has not happened.
Any number of workers may run it. Log rows are claimed by row locks; the merges of a metric
take its advisory lock, so that they hold no row that a reader or writer could wait for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from observability.metrics.instruments import SAMPLE_CONFLICTS
from observability.metrics.store import log, segment_table
from observability.metrics.store.columns import Merged, arrange, merge, restrict, take
from observability.metrics.store.log import LogSamples
from observability.metrics.store.page_table import SegmentGoneError
from observability.metrics.store.partitions import ensure_partitions
from observability.metrics.store.segment_table import (
    NewSegment,
    StoredSegment,
    Window,
    stored_segment,
)
from observability.metrics.store.series_metrics import NO_METRIC
from observability.metrics.store.series_metrics import metric_ids as metrics_of
from observability.metrics.store.windows import (
    TOP_LEVEL,
    WINDOW_MS,
    closed_before_ms,
    closed_levels,
)

# Bounds the memory of one step: 24 bytes a sample, several times over while they are sorted.
_SAMPLES_PER_STEP = 2_000_000
# Segments of the right level that are smaller are merged again when late samples join them.
_SMALL_SAMPLES = 65_536
# A table of so many entries is worth more than sorting, however few of them are used.
_MAX_TABLE = 4_000_000
# Advisory locks of merges are this number plus the id of the metric ("seg" in ASCII, high up).
_LOCK_BASE = 0x736567 << 39


@dataclass(frozen=True, slots=True)
class Merge:
    """Segments of a metric that are due to be merged into those of a level and window."""

    metric_id: int
    level: int
    window: Window


def compact_log(*, now_ms: int, seconds: float) -> int:
    """Turn the settled log rows that are there now into segments until time is up; return the samples.

    Rows that come meanwhile are left to the next run. There is never an end of them, and
    turned over as they come they would make a segment for every few samples.
    """
    deadline = time.monotonic() + seconds
    last_id = log.last_id()
    total = 0
    while count := compact_log_once(now_ms=now_ms, last_id=last_id):
        total += count
        if time.monotonic() > deadline:
            break
    return total


def compact_log_once(*, now_ms: int, last_id: int = log.LARGEST_ID) -> int:
    """Turn a bounded number of settled log rows into segments; return the number of samples."""
    with transaction.atomic():
        rows = log.claim(_SAMPLES_PER_STEP, last_id=last_id)
        if not rows:
            return 0
        samples = log.concatenate([samples for _, samples in rows])
        segment_table.insert(_unmerged_segments(samples, now_ms))
        log.delete([row_id for row_id, _ in rows])
    return len(samples.values)


def _unmerged_segments(samples: LogSamples, now_ms: int) -> Iterator[NewSegment]:
    """Yield samples as level 0, one segment a metric and window.

    Late samples go into the longest window that is closed already, so that they need no
    merging from minute to minute; the next merge of that window finds them.
    """
    series_ids, series_ranks = _ranked(samples.series_ids)
    metric_ids = metrics_of(series_ids)
    levels = closed_levels(samples.timestamps_ms, now_ms)
    starts = samples.timestamps_ms // WINDOW_MS[0]
    starts -= starts % (np.array(WINDOW_MS) // WINDOW_MS[0])[levels]
    windows, window_ranks = _ranked(starts * len(WINDOW_MS) + levels)

    # Sorted by one number: first the window, then the metric, then the series.
    by_metric = np.lexsort((series_ids, metric_ids))
    series_ids, metric_ids = series_ids[by_metric], metric_ids[by_metric]
    places = np.empty(len(by_metric), np.int64)
    places[by_metric] = np.arange(len(by_metric))
    arranged = arrange(
        window_ranks * len(series_ids) + places[series_ranks],
        samples.timestamps_ms,
        samples.values,
    )
    SAMPLE_CONFLICTS.inc(arranged.conflicts)
    columns = arranged.columns
    numbers, series = np.divmod(columns.series_ids, max(len(series_ids), 1))
    metrics = metric_ids[series]
    columns = replace(columns, series_ids=series_ids[series])
    is_new = (numbers[1:] != numbers[:-1]) | (metrics[1:] != metrics[:-1])
    firsts = np.append(0, np.flatnonzero(is_new) + 1) if len(series) else np.empty(0, np.int64)
    for first, stop in pairwise([*firsts.tolist(), len(series)]):
        metric_id = int(metrics[first])
        if metric_id == NO_METRIC:  # deleted, its log rows outlived it
            continue
        start, level = divmod(int(windows[numbers[first]]), len(WINDOW_MS))
        start_ms = start * WINDOW_MS[0]
        yield NewSegment(
            metric_id=metric_id,
            level=0,
            window=Window(start_ms, start_ms + WINDOW_MS[level]),
            columns=take(columns, np.arange(first, stop)),
        )


def _ranked(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct numbers, ascending, and for each number its place among them."""
    if not len(numbers):
        return numbers, numbers
    least = int(numbers.min())
    span = int(numbers.max()) - least + 1
    if span > len(numbers) + _MAX_TABLE:
        return np.unique(numbers, return_inverse=True)
    # A table of all that may occur is many times as fast as sorting.
    occurs = np.zeros(span, bool)
    occurs[numbers - least] = True
    ranks = np.cumsum(occurs) - 1
    return np.flatnonzero(occurs) + least, ranks[numbers - least]


def due_merges(now_ms: int) -> list[Merge]:
    """Return the merges into the windows that are closed by now, the oldest first."""
    merges = []
    after_ms = None
    for level in range(TOP_LEVEL, 0, -1):
        length, before_ms = WINDOW_MS[level], closed_before_ms(level, now_ms)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT metric_id, window_start_ms FROM metrics_segment"
                " WHERE level < %s AND window_start_ms < %s"
                " AND (%s::bigint IS NULL OR window_start_ms >= %s)",
                [level, before_ms, after_ms, after_ms],
            )
            due = {(start // length * length, metric_id) for metric_id, start in cursor.fetchall()}
        merges += [Merge(metric, level, Window(start, start + length)) for start, metric in due]
        # What is older than this goes straight to the higher level.
        after_ms = before_ms
    return sorted(merges, key=lambda due: (due.window.start_ms, due.metric_id))


def merge_due(*, now_ms: int, seconds: float) -> int:
    """Do all merges that are due until time is up; return how many were done."""
    deadline = time.monotonic() + seconds
    done = 0
    for due in due_merges(now_ms):
        try:
            done += run_merge(due)
        except SegmentGoneError:  # deleted while it was read: the next time does without it
            continue
        if time.monotonic() > deadline:
            break
    return done


def run_merge(due: Merge) -> bool:
    """Merge a metric's segments into those of a level and window; say whether there was work.

    There is none when another worker is at the metric, or has done it.

    Raises:
        SegmentGoneError: A segment was deleted meanwhile; nothing has changed.
    """
    with transaction.atomic():
        if not try_lock(due.metric_id):
            return False
        inputs = _inputs(due)
        if all(segment.level == due.level for segment in inputs):
            return False
        if due.level == TOP_LEVEL:
            ensure_partitions([due.window.start_ms])
        segment_table.insert(_merged_segments(due, inputs))
        ids = [segment.id for segment in inputs]
        if segment_table.delete(ids) < len(ids):
            raise SegmentGoneError
    return True


def merge_lock_number(metric_id: int) -> int:
    """Return the number of the advisory lock that a merge of the metric holds."""
    return _LOCK_BASE + metric_id


def try_lock(metric_id: int) -> bool:
    """Take the segments of a metric for this transaction; False when another has them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [merge_lock_number(metric_id)])
        (is_ours,) = cursor.fetchone()
    return bool(is_ours)


def _inputs(due: Merge) -> list[StoredSegment]:
    """Return the segments to merge: those of lower levels, and small ones that are there already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, level, window_start_ms, window_end_ms, directory FROM metrics_segment"
            " WHERE metric_id = %s AND window_start_ms >= %s AND window_start_ms < %s"
            " AND window_end_ms <= %s AND (level < %s OR level = %s AND sample_count < %s)",
            [
                due.metric_id,
                due.window.start_ms,
                due.window.end_ms,
                due.window.end_ms,
                due.level,
                due.level,
                _SMALL_SAMPLES,
            ],
        )
        return [stored_segment(*row) for row in cursor.fetchall()]


def _merged_segments(due: Merge, inputs: Sequence[StoredSegment]) -> Iterator[NewSegment]:
    """Yield what the inputs hold together, a bounded number of samples at a time."""
    series_ids, ranks = _ranked(
        np.concatenate([segment.directory.series_ids for segment in inputs])
    )
    counts = np.concatenate([segment.directory.counts for segment in inputs])
    totals = np.bincount(ranks, weights=counts, minlength=len(series_ids)).astype(np.int64)
    for cut in segment_table.cuts(np.append(0, np.cumsum(totals))):
        merged = _merge_series(inputs, series_ids[cut])
        SAMPLE_CONFLICTS.inc(merged.conflicts)
        yield NewSegment(
            metric_id=due.metric_id,
            level=due.level,
            window=due.window,
            columns=merged.columns,
        )


def _merge_series(inputs: Sequence[StoredSegment], series_ids: NDArray[np.int64]) -> Merged:
    pages = segment_table.fetch(inputs, series_ids)
    return merge([restrict(page, series_ids) for page in pages])
