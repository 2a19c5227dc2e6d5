"""What the store holds and what it takes: by tier, and on disk."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from observability.metrics.store.compaction import due_merges
from observability.metrics.store.windows import WINDOW_MS

_MINUTE_MS = 60_000
# Every relation of the store with the name under which its disk space is told.
_TABLES = {
    "log": ["metrics_samplelog"],
    "recent segments": ["metrics_segment_recent"],
    "daily segments": ["metrics_segment_daily"],
    "rollups": ["metrics_rollup", "metrics_rolledday"],
    "catalogue": ["metrics_series", "metrics_metric", "metrics_labelpair"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The log, or the segments of one level.

    Attributes:
        name: For people.
        rows: Log rows or segments.
        samples: Those that are there several times count several times.
        stored_bytes: The size of the samples alone, without rows and indexes.
        oldest_ms: None when it is empty.
        newest_ms: None when it is empty.
    """

    name: str
    rows: int
    samples: int
    stored_bytes: int
    oldest_ms: int | None
    newest_ms: int | None

    @property
    def bytes_per_sample(self) -> float:
        """Return the stored bytes of a sample, 0 when there is none."""
        return self.stored_bytes / self.samples if self.samples else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatistics:
    """The state of the store.

    Attributes:
        series: Series that the catalogue knows.
        metrics: Metrics that the catalogue knows.
        tiers: From the log to the highest level.
        disk_bytes: Tables with their indexes, by what they hold.
        log_lag_ms: The age of the newest sample in the oldest row that waits in the log.
        merges_due: Windows, by metric, that are closed and not merged yet.
    """

    series: int
    metrics: int
    tiers: list[Tier]
    disk_bytes: dict[str, int]
    log_lag_ms: int
    merges_due: int

    @property
    def samples(self) -> int:
        """Return the samples of all tiers."""
        return sum(tier.samples for tier in self.tiers)

    @property
    def log_lag_seconds(self) -> float:
        """Return the lag of the log in seconds."""
        return self.log_lag_ms / 1000

    @property
    def total_disk_bytes(self) -> int:
        """Return what all parts take together."""
        return sum(self.disk_bytes.values())

    @property
    def oldest_ms(self) -> int | None:
        """Return the time of the oldest sample, None when there is none."""
        return min((t.oldest_ms for t in self.tiers if t.oldest_ms is not None), default=None)

    @property
    def newest_ms(self) -> int | None:
        """Return the time of the newest sample, None when there is none."""
        return max((t.newest_ms for t in self.tiers if t.newest_ms is not None), default=None)

    @property
    def disk_bytes_per_sample(self) -> float:
        """Return what a sample takes on disk, tables and indexes and all but catalogue and rollups."""
        others = ("catalogue", "rollups")
        used = sum(size for name, size in self.disk_bytes.items() if name not in others)
        return used / self.samples if self.samples else 0.0


def collect_statistics(*, now_ms: int) -> StoreStatistics:
    """Return the state of the store; reads no sample."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(sum(series_count), 0) FROM metrics_metric),"
            " (SELECT count(*) FROM metrics_metric),"
            " (SELECT max_timestamp_ms FROM metrics_samplelog ORDER BY id LIMIT 1)"
        )
        series, metrics, waiting_since_ms = cursor.fetchone()
    return StoreStatistics(
        series=int(series),
        metrics=metrics,
        tiers=_tiers(),
        disk_bytes=disk_bytes(),
        log_lag_ms=0 if waiting_since_ms is None else max(now_ms - waiting_since_ms, 0),
        merges_due=len(due_merges(now_ms)),
    )


def _tiers() -> list[Tier]:
    # The sizes of values that lie apart from their row are known without reading them.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT -1, count(*), coalesce(sum(sample_count), 0),"
            "   coalesce(sum(pg_column_size(data)), 0), min(min_timestamp_ms), max(max_timestamp_ms)"
            " FROM metrics_samplelog"
            " UNION ALL"
            " SELECT level, count(*), sum(sample_count),"
            "   sum(pg_column_size(data) + pg_column_size(directory)),"
            "   min(min_timestamp_ms), max(max_timestamp_ms)"
            " FROM metrics_segment GROUP BY level"
        )
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    tiers = []
    for level in range(-1, len(WINDOW_MS)):
        rows, samples, stored_bytes, oldest_ms, newest_ms = found.get(level, (0, 0, 0, None, None))
        tiers.append(
            Tier(
                name="log"
                if level < 0
                else f"level {level} ({WINDOW_MS[level] // _MINUTE_MS} min)",
                rows=rows,
                samples=int(samples),
                stored_bytes=int(stored_bytes),
                oldest_ms=oldest_ms,
                newest_ms=newest_ms,
            )
        )
    return tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How many log rows and segments there are, and the time that they cover; None when it is none."""

    rows: int
    oldest_ms: int | None
    newest_ms: int | None


def extent() -> Extent:
    """Return the extent of the store."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(rows), min(oldest_ms), max(newest_ms) FROM ("
            "   SELECT count(*), min(min_timestamp_ms), max(max_timestamp_ms) FROM metrics_samplelog"
            "   UNION ALL"
            "   SELECT count(*), min(min_timestamp_ms), max(max_timestamp_ms) FROM metrics_segment"
            " ) AS part (rows, oldest_ms, newest_ms)"
        )
        rows, oldest_ms, newest_ms = cursor.fetchone()
    return Extent(rows=int(rows), oldest_ms=oldest_ms, newest_ms=newest_ms)


def disk_bytes() -> dict[str, int]:
    """Return what each part of the store takes on disk, indexes and all."""
    return {name: _disk_bytes(tables) for name, tables in _TABLES.items()}


def _disk_bytes(tables: list[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(root)"
            "   + (SELECT coalesce(sum(pg_total_relation_size(relid)), 0)"
            "      FROM pg_partition_tree(root) WHERE relid <> root))"
            " FROM unnest(%s::regclass[]) AS root",
            [tables],
        )
        (size,) = cursor.fetchone()
    return int(size)
