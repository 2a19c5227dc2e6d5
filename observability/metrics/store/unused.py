"""Metrics and label pairs that no series has any more: found in batches, and deleted.

Who makes series shares a lock from the moment when it looks metrics and pairs up until series
point at them; deletion takes that lock alone, and looks once more.
"""

from __future__ import annotations

import time

from django.db import OperationalError, connection, transaction

from observability.metrics.store import catalogue

_METRICS_PER_BATCH = 1000
# Each costs a look into the index of the series; each batch, all processes what they remember.
_PAIRS_PER_BATCH = 10_000

_IS_UNUSED_METRIC = (
    "NOT EXISTS (SELECT FROM metrics_series WHERE metric_id = metric.id)"
    " AND NOT EXISTS (SELECT FROM metrics_segment WHERE metric_id = metric.id)"
)
_IS_UNUSED_PAIR = "NOT EXISTS (SELECT FROM metrics_series WHERE pairs @> ARRAY[pair.id])"


def delete_all(*, seconds: float, after_pair_id: int = 0) -> int | None:
    """Delete unused metrics and label pairs until all are done or time is up.

    Args:
        seconds: How long it may take, about.
        after_pair_id: The answer of a run that was not done.

    Returns:
        After which pair the next run goes on; None when there is none.
    """
    deadline = time.monotonic() + seconds
    while delete_metrics() and time.monotonic() < deadline:
        pass
    after_id: int | None = after_pair_id
    while after_id is not None and time.monotonic() < deadline:
        after_id = delete_pairs(after_id)
    return after_id


def delete_metrics() -> int:
    """Delete a batch of metrics that have neither series nor segments; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM metrics_metric AS metric"  # noqa: S608 (constants)
            f" WHERE series_count = 0 AND {_IS_UNUSED_METRIC} LIMIT %s",
            [_METRICS_PER_BATCH],
        )
        found = [metric_id for (metric_id,) in cursor.fetchall()]
    return _delete("metrics_metric AS metric", "metric.id", _IS_UNUSED_METRIC, found)


def delete_pairs(after_id: int = 0) -> int | None:
    """Delete a batch of label pairs that no series has.

    Args:
        after_id: The answer of the last batch.

    Returns:
        After which id the next batch begins; None when there is none.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {_IS_UNUSED_PAIR} FROM"  # noqa: S608 (constants)
            " (SELECT id FROM metrics_labelpair WHERE id > %s ORDER BY id LIMIT %s) AS pair"
            " ORDER BY id",
            [after_id, _PAIRS_PER_BATCH],
        )
        rows = cursor.fetchall()
    _delete(
        "metrics_labelpair AS pair",
        "pair.id",
        _IS_UNUSED_PAIR,
        [pair_id for pair_id, is_unused in rows if is_unused],
    )
    return rows[-1][0] if len(rows) == _PAIRS_PER_BATCH else None


def _delete(table: str, key: str, is_unused: str, ids: list[int]) -> int:
    """Delete those rows that still nothing uses; return how many, 0 when series are being made."""
    if not ids:
        return 0
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Those who make series queue behind this while it waits, so it does not wait long.
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [catalogue.UNUSED_LOCK])
            cursor.execute(
                f"DELETE FROM {table} WHERE {key} = ANY(%s) AND {is_unused}",  # noqa: S608 (constants)
                [ids],
            )
            deleted: int = cursor.rowcount
            if deleted:
                # What processes remember of metrics, pairs and their texts is of another epoch now.
                catalogue.advance_epoch()
    except OperationalError:  # the lock was not to be had in time: the next collection will
        return 0
    return deleted
