"""The weekly partitions of merged segments: made on demand, dropped when all in them is too old."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

from observability.metrics.store import amendments

WEEK_MS = 7 * 86_400_000
_PARENT = "metrics_segment_daily"
# Names the advisory lock under which partitions are made ("part" in ASCII).
_LOCK = 0x70617274
# Names that which all share who write into partitions, and who drops one has alone ("drop").
_DROP_LOCK = 0x64726F70
_WEEK_OF_NAME = re.compile(rf"{_PARENT}_w(m?)(\d+)")


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition with its week, counted from the epoch."""

    table: str
    week: int

    @property
    def end_ms(self) -> int:
        """Return the end of its week, exclusive."""
        return (self.week + 1) * WEEK_MS


def weekly_partitions() -> list[Partition]:
    """Return the partitions that there are, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [_PARENT],
        )
        matches = [_WEEK_OF_NAME.fullmatch(table) for (table,) in cursor.fetchall()]
    partitions = [Partition(match[0], _week(match)) for match in matches if match]
    return sorted(partitions, key=lambda partition: partition.week)


def _week(match: re.Match[str]) -> int:
    return int(match[2]) * (-1 if match[1] else 1)


def ensure_partitions(window_starts_ms: Iterable[int]) -> None:
    """Make the partitions that these windows belong to; call it inside a transaction.

    They stay until it ends. Several processes may do so at once: those that come second wait and
    then find them.
    """
    wanted = {start_ms // WEEK_MS for start_ms in window_starts_ms}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_DROP_LOCK])
        if not wanted - _weeks():
            return
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for week in sorted(wanted - _weeks()):
            table = f"{_PARENT}_w{'m' if week < 0 else ''}{abs(week)}"
            # Attached, not made in place: that would shut out the readers of all partitions.
            cursor.execute(
                f"CREATE TABLE {table} (LIKE {_PARENT} INCLUDING ALL);"
                f" ALTER TABLE {_PARENT} ATTACH PARTITION {table}"
                f" FOR VALUES FROM ({week * WEEK_MS}) TO ({(week + 1) * WEEK_MS})"
            )


def drop_partitions(
    before_ms: int, is_expired: Callable[[int, int], bool] = lambda metric_id, end_ms: True
) -> int:
    """Drop the partitions of weeks that ended by `before_ms`, with all in them; return their number.

    One that is being read or written is left for the next time.

    Args:
        before_ms: Later weeks stay.
        is_expired: Says of a metric whether nothing before the end of a week is wanted any more;
            a partition with segments of another metric stays.
    """
    return sum(
        _drop(partition, is_expired)
        for partition in weekly_partitions()
        if partition.end_ms <= before_ms
    )


def _drop(partition: Partition, is_expired: Callable[[int, int], bool]) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_DROP_LOCK])
            (is_ours,) = cursor.fetchone()
            if not is_ours:
                return False
            cursor.execute(f"SELECT DISTINCT metric_id FROM {partition.table}")  # noqa: S608 (our own name)
            if not all(is_expired(metric_id, partition.end_ms) for (metric_id,) in cursor):
                return False
            # All readers queue behind this lock while it waits, so it does not wait long.
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            cursor.execute(f"DROP TABLE IF EXISTS {partition.table}")
            amendments.record(partition.end_ms - WEEK_MS, partition.end_ms)
    except OperationalError:  # the lock was not to be had in time
        return False
    return True


def _weeks() -> set[int]:
    return {partition.week for partition in weekly_partitions()}
