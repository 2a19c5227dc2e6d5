"""The sample log: one row for each accepted write, durable before it is acknowledged.

A row's `data` holds three arrays of equal length (series ids, timestamps in milliseconds,
float64 values), each compressed by `pcodec`, behind a header that gives their lengths.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from pcodec import ChunkConfig, DeltaSpec, standalone

from observability.metrics.errors import CatalogueMovedError
from observability.metrics.store import amendments
from observability.metrics.store.catalogue import Epoch
from observability.metrics.store.columns import are_among
from observability.metrics.store.windows import WINDOW_MS

# Version of the layout, then the bytes of the first and of the second array.
_HEADER = struct.Struct("<BII")
_VERSION = 1
# Rows live for seconds: little effort takes a third of the time and makes them hardly larger.
_CONFIG = ChunkConfig(compression_level=2, delta_spec=DeltaSpec.no_op())
# Bounds the memory of looking through all of the log.
_ROWS_PER_LOOK = 100
# Bounds the rows that are looked at for one claim.
_MAX_CLAIMED_ROWS = 20_000
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSamples:
    """The samples of log rows: series id, time and value of each, in no order."""

    series_ids: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]


_APPEND = (
    "INSERT INTO metrics_samplelog (min_timestamp_ms, max_timestamp_ms, sample_count, data)"
    " SELECT %s, %s, %s, %s"
    " WHERE coalesce((SELECT number FROM metrics_catalogueepoch), 0) = %s"
)
_APPEND_LATE = amendments.noting(_APPEND)

_NOTHING = LogSamples(
    series_ids=np.empty(0, np.int64),
    timestamps_ms=np.empty(0, np.int64),
    values=np.empty(0, np.float64),
)


def encode(samples: LogSamples) -> bytes:
    """Return the `data` of a row; NaN payloads survive bit for bit."""
    parts = [
        standalone.simple_compress(array, _CONFIG)
        for array in (samples.series_ids, samples.timestamps_ms, samples.values)
    ]
    return _HEADER.pack(_VERSION, len(parts[0]), len(parts[1])) + b"".join(parts)


def decode(data: bytes | memoryview, wanted: NDArray[np.int64] | None = None) -> LogSamples:
    """Return the samples of a row: all of them, or those of the `wanted` series (ascending ids).

    Raises:
        ValueError: The row has a layout that this version does not know.
    """
    data = bytes(data)
    version, first, second = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise ValueError(f"sample log layout {version} is newer than this portal")
    start = _HEADER.size
    series_ids = standalone.simple_decompress(data[start : start + first])
    is_wanted = None if wanted is None else are_among(series_ids, wanted)
    if is_wanted is not None and not is_wanted.any():
        return _NOTHING
    samples = LogSamples(
        series_ids=series_ids,
        timestamps_ms=standalone.simple_decompress(data[start + first : start + first + second]),
        values=standalone.simple_decompress(data[start + first + second :]),
    )
    if is_wanted is None:
        return samples
    return LogSamples(
        series_ids=samples.series_ids[is_wanted],
        timestamps_ms=samples.timestamps_ms[is_wanted],
        values=samples.values[is_wanted],
    )


def concatenate(parts: Sequence[LogSamples]) -> LogSamples:
    """Return the samples of several rows together."""
    parts = [_NOTHING, *parts]
    return LogSamples(
        series_ids=np.concatenate([part.series_ids for part in parts]),
        timestamps_ms=np.concatenate([part.timestamps_ms for part in parts]),
        values=np.concatenate([part.values for part in parts]),
    )


def append(samples: LogSamples, epoch: Epoch) -> None:
    """Store samples in one row; outside a transaction they are durable when this returns.

    Args:
        samples: With ids that were looked up in `epoch`.
        epoch: From `catalogue.epoch()`.

    Raises:
        CatalogueMovedError: Ids were withdrawn meanwhile; nothing was stored.
    """
    if not len(samples.values):
        return
    oldest_ms = int(samples.timestamps_ms.min())
    with connection.cursor() as cursor:
        cursor.execute(
            _APPEND_LATE if amendments.is_late(oldest_ms) else _APPEND,
            [
                oldest_ms,
                int(samples.timestamps_ms.max()),
                len(samples.values),
                encode(samples),
                epoch.number,
            ],
        )
        if cursor.rowcount != 1:
            raise CatalogueMovedError


def fetch(
    row_ids: Sequence[int], wanted: NDArray[np.int64] | None = None
) -> list[tuple[int, LogSamples]]:
    """Return those of these rows that are still there, with their samples, as `decode` does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, data FROM metrics_samplelog WHERE id = ANY(%s)", [list(row_ids)])
        return [(row_id, decode(data, wanted)) for row_id, data in cursor.fetchall()]


def claim(max_samples: int, *, last_id: int = LARGEST_ID) -> list[tuple[int, LogSamples]]:
    """Lock the oldest settled rows that nobody else has locked; return their ids and samples.

    A row is settled when no transaction is running that is as old as its own: no row can
    then appear among those that were there before it. So is a row of a transaction that this
    server has not come to yet: it was restored from a dump. Call it inside a transaction.

    Args:
        max_samples: Rows are taken until they hold so many samples.
        last_id: Rows with larger ids are left alone.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, data FROM metrics_samplelog WHERE id IN ("
            "  SELECT id FROM ("
            "    SELECT id, sum(sample_count) OVER (ORDER BY id) - sample_count AS samples_before"
            "    FROM (SELECT id, sample_count FROM metrics_samplelog"
            "      WHERE (transaction_id < pg_snapshot_xmin(pg_current_snapshot())"
            "        OR transaction_id >= pg_snapshot_xmax(pg_current_snapshot()))"
            "        AND id <= %s ORDER BY id LIMIT %s) AS settled"
            "  ) AS counted WHERE samples_before < %s"
            ") FOR UPDATE SKIP LOCKED",
            [last_id, _MAX_CLAIMED_ROWS, max_samples],
        )
        return [(row_id, decode(data)) for row_id, data in cursor.fetchall()]


def delete(row_ids: Sequence[int]) -> None:
    """Delete rows by their ids."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metrics_samplelog WHERE id = ANY(%s)", [list(row_ids)])


def last_id() -> int:
    """Return the id of the newest row, 0 when there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM metrics_samplelog")
        (row_id,) = cursor.fetchone()
    return int(row_id)


def has_rows_until(row_id: int) -> bool:
    """Say whether a row with this id or a smaller one waits for compaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM metrics_samplelog WHERE id <= %s)", [row_id])
        (has_rows,) = cursor.fetchone()
    return bool(has_rows)


def logged_series() -> Iterator[NDArray[np.int64]]:
    """Yield the series of which a row holds samples, for each row that is there now."""
    last, after = last_id(), 0
    while after < last:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, data FROM metrics_samplelog WHERE id > %s AND id <= %s"
                " ORDER BY id LIMIT %s",
                [after, last, _ROWS_PER_LOOK],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        for row_id, data in rows:
            after = row_id
            yield np.unique(decode(data).series_ids)


def count_since(timestamp_ms: int) -> int:
    """Return about how many samples are of this time or later, for the recent past.

    Log rows count whole; of a segment that begins before, the part that its range of time
    lets expect.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(sum(sample_count), 0) FROM metrics_samplelog"
            "   WHERE max_timestamp_ms >= %(since)s)"
            " + (SELECT coalesce(sum(sample_count"
            "     * (max_timestamp_ms - greatest(min_timestamp_ms, %(since)s) + 1)::numeric"
            "     / (max_timestamp_ms - min_timestamp_ms + 1)), 0)"
            "   FROM metrics_segment WHERE level IN (0, 1) AND max_timestamp_ms >= %(since)s"
            "   AND window_start_ms > %(since)s - %(window)s)",
            {"since": timestamp_ms, "window": WINDOW_MS[1]},
        )
        (count,) = cursor.fetchone()
    samples: int = round(count)
    return samples


def delete_before(timestamp_ms: int, *, batch_rows: int = 10_000) -> int:
    """Delete rows whose newest sample is older than the time, in batches; return their number."""
    deleted = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM metrics_samplelog WHERE id IN ("
                "SELECT id FROM metrics_samplelog WHERE max_timestamp_ms < %s LIMIT %s)",
                [timestamp_ms, batch_rows],
            )
            count: int = cursor.rowcount
            if count:
                amendments.record(end_ms=timestamp_ms)
        deleted += count
        if count < batch_rows:
            return deleted
