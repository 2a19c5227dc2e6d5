"""Retention: what is older than the store keeps is deleted."""

from __future__ import annotations

from django.db import connection

from observability.metrics.store import log
from observability.metrics.store.partitions import drop_partitions

# A row may hold a megabyte.
_ROWS_PER_BATCH = 500


def delete_before(timestamp_ms: int) -> None:
    """Delete what holds nothing of this time or later; it may be interrupted and done again."""
    drop_partitions(timestamp_ms)
    log.delete_before(timestamp_ms)
    while _delete_segments(timestamp_ms) == _ROWS_PER_BATCH:
        pass


def _delete_segments(timestamp_ms: int) -> int:
    """Delete a batch of segments; return their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM metrics_segment WHERE (id, level, window_start_ms) IN ("
            "SELECT id, level, window_start_ms FROM metrics_segment"
            " WHERE window_start_ms < %s AND max_timestamp_ms < %s LIMIT %s)",
            [timestamp_ms, timestamp_ms, _ROWS_PER_BATCH],
        )
        deleted: int = cursor.rowcount
    return deleted
