"""The rows of rollups: written, found and fetched page by page, as those of segments are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from psycopg2 import Binary
from psycopg2.extras import execute_values

from observability.metrics.store import amendments
from observability.metrics.store.page_table import fetch_pages
from observability.metrics.store.paging import Directory, decode_directory
from observability.metrics.store.rollups.buckets import (
    ALL_COLUMNS,
    Buckets,
    join,
    nothing,
    of_series,
    part_of,
)
from observability.metrics.store.rollups.codec import decode_page, encode
from observability.metrics.store.rollups.resolutions import ROW_MS
from observability.metrics.store.segment_table import cuts
from observability.promql.storage import RollupColumn

_KEY = {"id": "bigint"}
# A row may hold a megabyte.
_ROWS_PER_BATCH = 500


@dataclass(frozen=True, slots=True)
class StoredRollup:
    """A row in the table, known by its directory."""

    id: int
    directory: Directory

    @property
    def key(self) -> tuple[int]:
        """Return what the row is found by."""
        return (self.id,)


def find(metric_id: int, resolution_ms: int, row_start_ms: int) -> list[StoredRollup]:
    """Return the rows of a metric and window."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, directory FROM metrics_rollup"
            " WHERE metric_id = %s AND resolution_ms = %s AND window_start_ms = %s",
            [metric_id, resolution_ms, row_start_ms],
        )
        return [StoredRollup(row_id, decode_directory(data)) for row_id, data in cursor.fetchall()]


def fetch(
    rows: Sequence[StoredRollup],
    series_ids: NDArray[np.int64],
    wanted: Collection[RollupColumn] = ALL_COLUMNS,
) -> Iterator[tuple[StoredRollup, Buckets]]:
    """Yield the pages that hold some series (ascending ids), cut to these, with their rows.

    Raises:
        SegmentGoneError: One of the rows is there no more.
    """
    for row, page, data in fetch_pages("metrics_rollup", _KEY, rows, series_ids):
        yield row, of_series(decode_page(row.directory, page, data, wanted), series_ids)


def read(rows: Sequence[StoredRollup], series_ids: NDArray[np.int64]) -> Buckets:
    """Return all that rows have of some series (ascending ids).

    Raises:
        SegmentGoneError: One of the rows is there no more.
    """
    return join([nothing(), *(page for _, page in fetch(rows, series_ids))])


def insert(metric_id: int, resolution_ms: int, row_start_ms: int, buckets: Buckets) -> None:
    """Write buckets as rows of a window."""
    rows = [
        _row(metric_id, resolution_ms, row_start_ms, part_of(buckets, cut))
        for cut in cuts(buckets.offsets)
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        execute_values(
            cursor.cursor,
            "INSERT INTO metrics_rollup (metric_id, resolution_ms, window_start_ms, min_series_id,"
            " max_series_id, series_count, bucket_count, sample_count, directory, data) VALUES %s",
            rows,
            page_size=len(rows),
        )


def _row(
    metric_id: int, resolution_ms: int, row_start_ms: int, buckets: Buckets
) -> tuple[object, ...]:
    encoded = encode(buckets)
    return (
        metric_id,
        resolution_ms,
        row_start_ms,
        int(buckets.series_ids[0]),
        int(buckets.series_ids[-1]),
        len(buckets.series_ids),
        len(buckets),
        int(buckets.counts.sum()),
        Binary(encoded.directory),
        Binary(encoded.data),
    )


def delete(rows: Sequence[StoredRollup]) -> None:
    """Delete rows."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metrics_rollup WHERE id = ANY(%s)", [[row.id for row in rows]])


def delete_before(metric_ids: Sequence[int], resolution_ms: int, before_ms: int) -> int:
    """Delete the rows of metrics that end by a time; return their number.

    It may be interrupted and done again.
    """
    return _delete_batches(
        "metric_id = ANY(%s) AND resolution_ms = %s AND window_start_ms <= %s",
        [list(metric_ids), resolution_ms, before_ms - ROW_MS[resolution_ms]],
    )


def delete_orphans() -> int:
    """Delete the rows of metrics that are there no more; return their number."""
    return _delete_batches(
        "NOT EXISTS (SELECT FROM metrics_metric AS metric WHERE metric.id = metric_id)", []
    )


def _delete_batches(condition: str, parameters: Sequence[int | list[int]]) -> int:
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM metrics_rollup WHERE id IN ("  # noqa: S608 (our own conditions)
                f"SELECT id FROM metrics_rollup WHERE {condition} LIMIT %s)"
                " RETURNING window_start_ms, resolution_ms",
                [*parameters, _ROWS_PER_BATCH],
            )
            deleted = cursor.fetchall()
            if deleted:
                amendments.record(
                    min(start_ms for start_ms, _ in deleted),
                    max(start_ms + ROW_MS[resolution_ms] for start_ms, resolution_ms in deleted),
                )
        total += len(deleted)
        if len(deleted) < _ROWS_PER_BATCH:
            return total


def without_rollups(metric_id: int, series_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of a metric's series (ascending ids) that no rollup knows."""
    # The newest first, where most of them are; each row's directory by itself, as they are many.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM metrics_rollup WHERE metric_id = %s"
            " ORDER BY window_start_ms DESC, resolution_ms DESC",
            [metric_id],
        )
        row_ids = [row_id for (row_id,) in cursor.fetchall()]
    for row_id in row_ids:
        if not len(series_ids):
            break
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT directory FROM metrics_rollup"
                " WHERE id = %s AND max_series_id >= %s AND min_series_id <= %s",
                [row_id, int(series_ids[0]), int(series_ids[-1])],
            )
            row = cursor.fetchone()
        if row is not None:
            series_ids = np.setdiff1d(
                series_ids, decode_directory(row[0]).series_ids, assume_unique=True
            )
    return series_ids
