"""Which days of which metrics are rolled up, and of what: the record that makes them again when due.

A day of a metric is rolled up of its segments of two hours and more. The record keeps the highest
of their ids, the number of their samples, and until when they reach: the day that still goes on is
rolled up every two hours. Ids ascend, and merges of a metric come one after the other: late
samples, once merged, are in a segment with a higher id, and the day is due again.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from observability.metrics.store.windows import DAY_MS

ROLLED_LEVEL = 2
"""Segments of this level and above are rolled up: those of two hours and of a day."""

# Bounds what one run plans ahead.
_MAX_DUE = 10_000

_IS_DUE = "segment.id > coalesce(day.source_id, 0)"
# Rounded down, before the epoch too.
_DAY_MS = (
    f"segment.window_start_ms - mod(mod(segment.window_start_ms, {DAY_MS}) + {DAY_MS}, {DAY_MS})"
)
_DAY_OF_SEGMENT = (
    "LEFT JOIN metrics_rolledday AS day ON day.metric_id = segment.metric_id"
    f" AND day.day_ms = {_DAY_MS}"
)


def due_days() -> list[tuple[int, int]]:
    """Return metrics and days that are to be rolled up, for the first time or again, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT segment.metric_id, {_DAY_MS} FROM metrics_segment AS segment"  # noqa: S608 (our own parts)
            f" {_DAY_OF_SEGMENT} WHERE segment.level >= %s AND {_IS_DUE}"
            " GROUP BY 1, 2 ORDER BY 2, 1 LIMIT %s",
            [ROLLED_LEVEL, _MAX_DUE],
        )
        return [(metric_id, day_ms) for metric_id, day_ms in cursor.fetchall()]


def record(
    metric_id: int, day_ms: int, *, until_ms: int, source_id: int, sample_count: int
) -> None:
    """Write down that a day is rolled up until a time, of segments with these ids at most and samples."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO metrics_rolledday (metric_id, day_ms, until_ms, source_id, sample_count)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (metric_id, day_ms) DO UPDATE SET"
            "   until_ms = greatest(metrics_rolledday.until_ms, excluded.until_ms),"
            "   source_id = excluded.source_id, sample_count = excluded.sample_count",
            [metric_id, day_ms, until_ms, source_id, sample_count],
        )


def source_of(metric_id: int, day_ms: int) -> int:
    """Return the highest id of the segments that a day was rolled up of; 0 before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source_id FROM metrics_rolledday WHERE metric_id = %s AND day_ms = %s",
            [metric_id, day_ms],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def mark_dirty(metric_id: int, start_ms: int, end_ms: int) -> None:
    """Have the days of a metric that meet the range, both ends included, rolled up again.

    Until then they are read from samples, where there are any. Buckets never lose samples by
    this: who deletes samples calls `forgetting.forget_series`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_rolledday SET source_id = 0, sample_count = 0"
            " WHERE metric_id = %s AND day_ms > %s AND day_ms <= %s",
            [metric_id, start_ms - DAY_MS, end_ms],
        )


def first_unrolled_ms(metric_ids: Sequence[int]) -> dict[int, int]:
    """Return the first day of each metric that has samples in segments that are not rolled up.

    Metrics that have none are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT segment.metric_id, min(segment.window_start_ms) FROM metrics_segment AS segment"  # noqa: S608 (our own parts)
            f" {_DAY_OF_SEGMENT} WHERE segment.metric_id = ANY(%s)"
            f" AND (segment.level < %s OR {_IS_DUE}) GROUP BY 1",
            [list(metric_ids), ROLLED_LEVEL],
        )
        return {metric_id: start_ms // DAY_MS * DAY_MS for metric_id, start_ms in cursor.fetchall()}


def delete_before(metric_ids: Sequence[int], before_ms: int) -> None:
    """Delete the records of days that ended by a time and have no samples any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM metrics_rolledday AS day WHERE day.metric_id = ANY(%s) AND day.day_ms <= %s"
            " AND NOT EXISTS (SELECT FROM metrics_segment AS segment"
            "   WHERE segment.metric_id = day.metric_id"
            "   AND segment.window_start_ms >= day.day_ms AND segment.window_start_ms < day.day_ms + %s)",
            [list(metric_ids), before_ms - DAY_MS, DAY_MS],
        )


def delete_orphans() -> None:
    """Delete the records of metrics that are there no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM metrics_rolledday AS day WHERE NOT EXISTS ("
            "SELECT FROM metrics_metric AS metric WHERE metric.id = day.metric_id)"
        )
