"""What tests of the store do with a real database: make series, write, compact, look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from observability.metrics.models import Segment
from observability.metrics.store import catalogue, compaction, log
from observability.metrics.store.storage import read_samples
from observability.promql.labels import label_set
from tests.metrics.store.samples import Row, log_samples

# A Monday, the start of a day and hence of windows of all levels.
DAY_MS = 86_400_000
MIDNIGHT_MS = 19_723 * DAY_MS
# So far ahead that every window of the tests is closed.
LATER_MS = MIDNIGHT_MS + 30 * DAY_MS


def make_series(count: int, metric: str = "m") -> list[int]:
    """Return the ids of new series of a metric, ascending."""
    label_sets = [label_set({"__name__": metric, "i": f"{number:05d}"}) for number in range(count)]
    return sorted(catalogue.series_ids(label_sets).tolist())


def append(rows: Iterable[Row]) -> None:
    """Write samples as one row of the log."""
    log.append(log_samples(rows), catalogue.epoch())


def wait_until_settled() -> None:
    """Wait until no transaction of the server, other tests' included, is older than the log's rows."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT pg_sleep(0.01 * (NOT is_settled)::int), is_settled FROM (SELECT coalesce("
                " max(transaction_id::text::bigint) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
                " true) AS is_settled FROM metrics_samplelog) AS log"
            )
            if cursor.fetchone()[1]:
                return


def compact(now_ms: int = MIDNIGHT_MS) -> int:
    """Turn all log rows into segments; return the number of samples."""
    wait_until_settled()
    return compaction.compact_log(now_ms=now_ms, seconds=60)


def merge(now_ms: int = LATER_MS) -> int:
    """Do all merges that are due; return how many there were."""
    return compaction.merge_due(now_ms=now_ms, seconds=60)


def read_all(series_ids: list[int]) -> list[tuple[int, int, int]]:
    """Return (series id, milliseconds, bit pattern) of all samples of these series."""
    found = read_samples(series_ids, -(2**60), 2**60)
    return [
        (series_ids[place], at, pattern)
        for place, at, pattern in zip(
            found.series_ids.tolist(),
            found.timestamps_ms.tolist(),
            found.values.view("u8").tolist(),
            strict=True,
        )
    ]


def levels() -> list[tuple[int, int]]:
    """Return level and number of samples of each segment, sorted."""
    return sorted(Segment.objects.values_list("level", "sample_count"))


def empty_tables() -> None:
    """Empty the log, the segments and the rollups; series stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE metrics_samplelog, metrics_segment, metrics_rollup, metrics_rolledday"
        )


class CrashedError(Exception):
    """Stands for the death of a worker."""


@contextmanager
def crash_at(statement: int, *, kill: bool = False) -> Iterator[None]:
    """Make the connection die before its n-th statement from now on, if it comes to that."""
    seen = 0

    def count(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == statement + 1:
            if kill:
                execute("SELECT pg_terminate_backend(pg_backend_pid())", None, False, context)
            raise CrashedError
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield
