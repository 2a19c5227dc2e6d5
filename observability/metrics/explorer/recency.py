"""When metrics were written last, as far as their samples have left the log."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

# Level 0 and 1 go back this far at least.
_RATE_WINDOW_MS = 1_800_000
# Less than this says nothing about a rate.
_LEAST_SPAN_MS = 30_000


def last_sample_ms(metric_ids: Sequence[int]) -> dict[int, int]:
    """Return the time of the newest sample in the segments of each metric that has one.

    Compaction takes samples out of the log every 30 s, so a metric that is written seems to be
    a minute behind at most.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT metric.id, newest.max_timestamp_ms FROM unnest(%s::bigint[]) AS metric (id),"
            " LATERAL (SELECT max_timestamp_ms FROM metrics_segment AS segment"
            "   WHERE segment.metric_id = metric.id"
            "   ORDER BY window_start_ms DESC, max_timestamp_ms DESC LIMIT 1) AS newest",
            [list(metric_ids)],
        )
        return dict(cursor.fetchall())


def samples_per_second(metric_id: int, *, now_ms: int) -> float | None:
    """Return how many samples of a metric come in a second, None when too few are there to say."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(sample_count), min(min_timestamp_ms), max(max_timestamp_ms)"
            " FROM metrics_segment WHERE metric_id = %s AND window_start_ms >= %s AND level < 2",
            [metric_id, now_ms - _RATE_WINDOW_MS],
        )
        samples, first_ms, last_ms = cursor.fetchone()
    if samples is None or last_ms - first_ms < _LEAST_SPAN_MS:
        return None
    rate: float = float(samples) / ((last_ms - first_ms) / 1000)
    return rate
