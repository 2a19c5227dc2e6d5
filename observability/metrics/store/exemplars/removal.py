"""Exemplars go with their series, with samples that somebody wants deleted, and when they are too old."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from observability.metrics.period import EVER, Period
from observability.metrics.store import retention


def delete_of(series_ids: Sequence[int], period: Period = EVER) -> None:
    """Delete the exemplars of series in a period."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM metrics_exemplar"
            " WHERE series_id = ANY(%s) AND timestamp_ms BETWEEN %s AND %s",
            [list(series_ids), *period.bounds_ms],
        )


def delete_expired(now_ms: int) -> None:
    """Delete exemplars that are older than samples of their metric are kept; running it twice is harmless."""
    for cutoff in retention.cutoffs(now_ms):
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM metrics_exemplar AS exemplar USING metrics_series AS series"
                " WHERE series.id = exemplar.series_id AND series.metric_id = ANY(%s)"
                " AND exemplar.timestamp_ms < %s",
                [cutoff.metric_ids, cutoff.raw_before_ms],
            )
    with connection.cursor() as cursor:
        # Written while their series was being deleted.
        cursor.execute(
            "DELETE FROM metrics_exemplar AS exemplar WHERE NOT EXISTS"
            " (SELECT FROM metrics_series WHERE id = exemplar.series_id)"
        )
