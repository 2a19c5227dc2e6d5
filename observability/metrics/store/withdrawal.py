"""Taking series out of the catalogue, and knowing when nobody writes to them any more.

Their rows go and the catalogue's epoch is advanced in one transaction; an append that begins
afterwards does not go through with their ids. One that began before may: it took its lock on
the log before it looked at the epoch, so it is among those that hold a lock on the log
after the transaction is committed. When all of these are over, what they wrote is there to be
seen, and nothing more comes. The same holds for compaction, which locks log rows first and
then asks which series there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from observability.metrics.store import amendments, catalogue
from observability.metrics.store.exemplars import removal as exemplars

# In the order in which writers lock them, and before their metrics, as writers do.
_LOCK = "SELECT id FROM metrics_series WHERE id = ANY(%(ids)s) ORDER BY fingerprint FOR UPDATE"
_LOCK_RETIRING = (
    "SELECT id FROM metrics_series WHERE id = ANY(%(ids)s) AND retiring_epoch = %(epoch)s"
    " ORDER BY fingerprint FOR UPDATE SKIP LOCKED"
)


def delete_series(series_ids: Sequence[int], *, retiring_in: int | None = None) -> list[int]:
    """Delete series; call it inside a transaction.

    Args:
        series_ids: Those that are not there any more are passed over.
        retiring_in: Only those that have been retiring since this epoch; any that a writer
            is looking up at this moment are left alone, too.

    Returns:
        The metric of each series that was deleted.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _LOCK if retiring_in is None else _LOCK_RETIRING,
            {"ids": list(series_ids), "epoch": retiring_in},
        )
        locked = [series_id for (series_id,) in cursor.fetchall()]
        if not locked:
            return []
        cursor.execute(
            "DELETE FROM metrics_series WHERE id = ANY(%s) RETURNING metric_id", [locked]
        )
        metric_ids = [metric_id for (metric_id,) in cursor.fetchall()]
        cursor.execute(
            "SELECT FROM metrics_metric WHERE id = ANY(%s) ORDER BY name FOR NO KEY UPDATE",
            [sorted(set(metric_ids))],
        )
        cursor.execute(
            "UPDATE metrics_metric AS metric SET series_count = series_count - counted.total"
            " FROM (SELECT metric_id, count(*) AS total FROM unnest(%s::bigint[]) AS metric_id"
            "   GROUP BY metric_id) AS counted"
            " WHERE metric.id = counted.metric_id",
            [metric_ids],
        )
    exemplars.delete_of(locked)
    catalogue.advance_epoch()
    if retiring_in is None:  # those that retire have no samples
        amendments.record()
    return metric_ids


def writers() -> list[str]:
    """Return the transactions, other than this, that may be writing to the log or compacting it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT virtualtransaction FROM pg_locks"
            " WHERE locktype = 'relation' AND relation = 'metrics_samplelog'::regclass"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND mode IN ('RowShareLock', 'RowExclusiveLock') AND pid <> pg_backend_pid()"
        )
        return [transaction for (transaction,) in cursor.fetchall()]


def are_over(transactions: Sequence[str]) -> bool:
    """Say whether none of these transactions is running any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM pg_locks"
            " WHERE locktype = 'virtualxid' AND virtualxid = ANY(%s))",
            [list(transactions)],
        )
        (are_all_over,) = cursor.fetchone()
    return bool(are_all_over)
