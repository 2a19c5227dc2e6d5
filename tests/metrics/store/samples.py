"""Builders of samples for the tests of the store."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
from hypothesis import strategies as st

from observability.metrics.store.columns import SeriesColumns, arrange
from observability.metrics.store.log import LogSamples

Row = tuple[int, int, float]
"""Series id, milliseconds, value."""

any_float = st.integers(0, 2**64 - 1).map(
    lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]
)


def bits(value: float) -> int:
    """Return the bit pattern of a float; the store keeps it, NaN payloads included."""
    number: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return number


def log_samples(rows: Iterable[Row]) -> LogSamples:
    rows = list(rows)
    return LogSamples(
        series_ids=np.array([row[0] for row in rows], np.int64),
        timestamps_ms=np.array([row[1] for row in rows], np.int64),
        values=np.array([row[2] for row in rows], np.float64),
    )


def columns_of(rows: Iterable[Row]) -> SeriesColumns:
    samples = log_samples(rows)
    return arrange(samples.series_ids, samples.timestamps_ms, samples.values).columns


def contents(columns: SeriesColumns) -> list[tuple[int, int, int]]:
    """Return (series id, milliseconds, bit pattern) of each sample, in their order."""
    return list(
        zip(
            np.repeat(columns.series_ids, columns.counts).tolist(),
            columns.timestamps_ms.tolist(),
            columns.values.view(np.uint64).tolist(),
            strict=True,
        )
    )


def settled(rows: Iterable[Row]) -> list[tuple[int, int, int]]:
    """Return what a store must answer for these samples: the largest bit pattern of each time."""
    kept: dict[tuple[int, int], int] = {}
    for series_id, at, value in rows:
        kept[series_id, at] = max(kept.get((series_id, at), 0), bits(value))
    return [(series_id, at, pattern) for (series_id, at), pattern in sorted(kept.items())]
