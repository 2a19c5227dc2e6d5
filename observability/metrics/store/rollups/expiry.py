"""Retention of rollups: rows go once all in them is older than the policies keep it."""

from __future__ import annotations

from observability.metrics.store import retention
from observability.metrics.store.rollups import days, table
from observability.metrics.store.rollups.resolutions import FIVE_MINUTES_MS, HOUR_MS


def delete_expired(now_ms: int) -> int:
    """Delete rollups that are too old, and those of metrics that are gone; return how many rows.

    It may be interrupted and done again, and done by several workers at once.
    """
    deleted = table.delete_orphans()
    days.delete_orphans()
    for cutoffs in retention.cutoffs(now_ms):
        deleted += table.delete_before(
            cutoffs.metric_ids, FIVE_MINUTES_MS, cutoffs.rollup_5m_before_ms
        )
        deleted += table.delete_before(cutoffs.metric_ids, HOUR_MS, cutoffs.rollup_1h_before_ms)
        days.delete_before(
            cutoffs.metric_ids, min(cutoffs.rollup_5m_before_ms, cutoffs.rollup_1h_before_ms)
        )
    return deleted
