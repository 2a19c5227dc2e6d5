"""The samples of log rows, which a process keeps at hand in the order of series.

A row of the log is a write of many series. Queries come again and again while it waits for
compaction, so it is decoded once, and sorted together with the rows around it; such a chunk is
read like a segment. Which rows there are is told by the statement that takes a query's snapshot.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store import catalogue, log
from observability.metrics.store.assembly import Runs
from observability.metrics.store.columns import (
    EMPTY,
    SeriesColumns,
    are_among,
    order_of,
    places_and_rows,
    take,
    where,
)
from observability.metrics.store.page_table import SegmentGoneError

# Of a process; each takes 24 bytes. Rows beyond are decoded for each query that needs them.
MAX_KEPT_SAMPLES = 1_500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The samples of some rows of the log.

    Attributes:
        row_ids: int64, ascending.
        columns: The samples, not strictly ascending where a series has several of one time.
        sample_rows: int64, the row that each sample is of.
        is_strict: Whether no series has several samples of one time.
        kept_since: When all of the rows were there, on the monotonic clock.
    """

    row_ids: NDArray[np.int64]
    columns: SeriesColumns
    sample_rows: NDArray[np.int64]
    is_strict: bool
    kept_since: float

    def runs(self, series_ids: NDArray[np.int64]) -> Runs:
        """Return the samples of some series (ascending ids)."""
        places, rows = places_and_rows(self.columns.series_ids, series_ids)
        found = take(self.columns, rows)
        return Runs(
            places=places,
            first_times=found.offsets[:-1],
            first_values=found.offsets[:-1],
            counts=found.counts,
            timestamps_ms=found.timestamps_ms,
            values=found.values,
            is_strict=self.is_strict,
        )

    def of_rows(self, row_ids: NDArray[np.int64]) -> Chunk | None:
        """Return the part that is of these rows (ascending); None when there is none."""
        stays = are_among(self.row_ids, row_ids)
        if stays.all():
            return self
        if not stays.any():
            return None
        is_kept = are_among(self.sample_rows, row_ids)
        return Chunk(
            row_ids=self.row_ids[stays],
            columns=where(self.columns, is_kept),
            sample_rows=self.sample_rows[is_kept],
            is_strict=self.is_strict,
            kept_since=self.kept_since,
        )


Fetch: TypeAlias = Callable[[NDArray[np.int64]], list[tuple[int, log.LogSamples]]]


class RecentSamples:
    """The chunks of some rows that never change and soon are gone; any thread may use it."""

    def __init__(self) -> None:
        self._chunks: tuple[Chunk, ...] = ()
        self._lock = threading.Lock()

    @property
    def sample_count(self) -> int:
        """How many samples are kept."""
        return sum(len(chunk.columns) for chunk in self._chunks)

    def of_rows(self, row_ids: NDArray[np.int64], *, seen_at: float, fetch: Fetch) -> list[Chunk]:
        """Return the samples of rows.

        Args:
            row_ids: The rows, ascending.
            seen_at: A time on the monotonic clock before it was looked which rows there are.
            fetch: Returns rows that are not kept, with their samples.

        Raises:
            SegmentGoneError: One of the rows was compacted meanwhile.
        """
        chunks = self._chunks
        known = np.concatenate([_NO_ROWS, *(chunk.row_ids for chunk in chunks)])
        missing = row_ids[~are_among(row_ids, np.sort(known))]
        shown = [part for chunk in chunks if (part := chunk.of_rows(row_ids)) is not None]
        if len(missing):
            shown.append(_chunk(fetch(missing)))
        self._renew(shown[-1] if len(missing) else None, row_ids, seen_at)
        return shown

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._chunks = ()

    def _renew(self, news: Chunk | None, row_ids: NDArray[np.int64], seen_at: float) -> None:
        """Keep a new chunk, and let go of rows that were gone at a time."""
        with self._lock:
            chunks = [
                part
                for chunk in self._chunks
                # A row that was kept later may be too young to have been seen.
                if (part := chunk.of_rows(row_ids) if chunk.kept_since < seen_at else chunk)
                is not None
            ]
            if news is not None and not any(
                are_among(news.row_ids, chunk.row_ids).any() for chunk in chunks
            ):
                # Each chunk is more than twice as large as the next, so that there are few.
                while chunks and len(chunks[-1].columns) <= 2 * len(news.columns):
                    news = _merged(chunks.pop(), news)
                chunks.append(news)
            self._chunks = tuple(chunks)


def split_log(
    row_ids: NDArray[np.int64], counts: NDArray[np.int64], overlaps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that are kept at hand, and those to be read for this query alone; both ascend.

    Args:
        row_ids: All rows of the log, descending.
        counts: How many samples each has.
        overlaps: Whether each meets the range of time that is asked for.
    """
    is_kept = np.cumsum(counts) <= MAX_KEPT_SAMPLES
    return row_ids[is_kept][::-1], row_ids[~is_kept & (overlaps != 0)][::-1]


def fetch_chunk(row_ids: NDArray[np.int64], series_ids: NDArray[np.int64]) -> Chunk:
    """Return the samples of some series (ascending ids) that rows of the log have.

    Raises:
        SegmentGoneError: One of the rows was compacted meanwhile.
    """
    return _chunk(fetch_logged(row_ids, series_ids))


_NO_ROWS = np.empty(0, np.int64)


def fetch_logged(
    row_ids: NDArray[np.int64], series_ids: NDArray[np.int64] | None = None
) -> list[tuple[int, log.LogSamples]]:
    """Return rows of the log, with the samples of some series (ascending ids) or of all.

    Raises:
        SegmentGoneError: One of the rows was compacted meanwhile.
    """
    rows = log.fetch(row_ids.tolist(), series_ids)
    if len(rows) < len(row_ids):
        raise SegmentGoneError
    return rows


def _chunk(rows: Sequence[tuple[int, log.LogSamples]]) -> Chunk:
    samples = log.concatenate([found for _, found in rows])
    row_ids = np.array([row_id for row_id, _ in rows], np.int64)
    sample_rows = np.repeat(row_ids, [len(found.values) for _, found in rows])
    return _sorted(np.sort(row_ids), samples, sample_rows)


def _merged(older: Chunk, newer: Chunk) -> Chunk:
    samples = log.concatenate(
        [
            log.LogSamples(
                series_ids=np.repeat(chunk.columns.series_ids, chunk.columns.counts),
                timestamps_ms=chunk.columns.timestamps_ms,
                values=chunk.columns.values,
            )
            for chunk in (older, newer)
        ]
    )
    sample_rows = np.concatenate([older.sample_rows, newer.sample_rows])
    return _sorted(np.union1d(older.row_ids, newer.row_ids), samples, sample_rows)


def _sorted(
    row_ids: NDArray[np.int64], samples: log.LogSamples, sample_rows: NDArray[np.int64]
) -> Chunk:
    if not len(samples.values):
        return Chunk(
            row_ids=row_ids,
            columns=EMPTY,
            sample_rows=sample_rows,
            is_strict=True,
            kept_since=time.monotonic(),
        )
    order, is_first = order_of(samples.series_ids, samples.timestamps_ms)
    ids = samples.series_ids[order]
    firsts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    columns = SeriesColumns(
        series_ids=ids[firsts],
        offsets=np.append(firsts, len(ids)).astype(np.int64),
        timestamps_ms=samples.timestamps_ms[order],
        values=samples.values[order],
    )
    return Chunk(
        row_ids=row_ids,
        columns=columns,
        sample_rows=sample_rows[order],
        is_strict=bool(is_first.all()),
        kept_since=time.monotonic(),
    )


RECENT = RecentSamples()
"""What this process keeps of the log."""

catalogue.on_forget(RECENT.clear)
