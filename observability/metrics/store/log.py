"""The sample log: one row for each accepted write, durable before it is acknowledged.

A row's `data` holds three arrays of equal length (series ids, timestamps in milliseconds,
float64 values), each compressed by `pcodec`, behind a header that gives their lengths.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone

# Version of the layout, then the bytes of the first and of the second array.
_HEADER = struct.Struct("<BII")
_VERSION = 1
_CONFIG = ChunkConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSamples:
    """The samples of log rows: series id, time and value of each, in no order."""

    series_ids: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def none(cls) -> LogSamples:
        """Return no samples."""
        return cls(
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


def decode(data: bytes | memoryview) -> LogSamples:
    """Return the samples of a row.

    Raises:
        ValueError: The row has a layout that this version does not know.
    """
    data = bytes(data)
    version, first, second = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise ValueError(f"sample log layout {version} is newer than this portal")
    start = _HEADER.size
    return LogSamples(
        series_ids=standalone.simple_decompress(data[start : start + first]),
        timestamps_ms=standalone.simple_decompress(data[start + first : start + first + second]),
        values=standalone.simple_decompress(data[start + first + second :]),
    )


def append(samples: LogSamples) -> None:
    """Store samples in one row; outside a transaction they are durable when this returns."""
    if not len(samples.values):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO metrics_samplelog (min_timestamp_ms, max_timestamp_ms, sample_count, data)"
            " VALUES (%s, %s, %s, %s)",
            [
                int(samples.timestamps_ms.min()),
                int(samples.timestamps_ms.max()),
                len(samples.values),
                encode(samples),
            ],
        )


def read(start_ms: int, end_ms: int) -> Iterator[LogSamples]:
    """Yield the rows that may hold samples of the time range, both ends included.

    All rows come from one statement, hence from one state of the table.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data FROM metrics_samplelog WHERE max_timestamp_ms >= %s AND min_timestamp_ms <= %s",
            [start_ms, end_ms],
        )
        for (data,) in cursor.fetchall():
            yield decode(data)


def count_since(timestamp_ms: int) -> int:
    """Return how many samples are in rows whose newest sample is at or after the time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(sample_count), 0) FROM metrics_samplelog WHERE max_timestamp_ms >= %s",
            [timestamp_ms],
        )
        (count,) = cursor.fetchone()
    return int(count)


def delete_before(timestamp_ms: int, *, batch_rows: int = 10_000) -> int:
    """Delete rows whose newest sample is older than the time, in batches; return their number."""
    deleted = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM metrics_samplelog WHERE id IN ("
                "SELECT id FROM metrics_samplelog WHERE max_timestamp_ms < %s LIMIT %s)",
                [timestamp_ms, batch_rows],
            )
            count: int = cursor.rowcount
        deleted += count
        if count < batch_rows:
            return deleted
