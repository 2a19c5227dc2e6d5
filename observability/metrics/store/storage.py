"""The store as the query engine sees it: a selector in, blocks of series out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store import log, segment_table
from observability.metrics.store.columns import SeriesColumns, arrange, merge, places_of, restrict
from observability.metrics.store.log import LogSamples
from observability.metrics.store.page_table import SegmentGoneError
from observability.metrics.store.segment_table import (
    StoredSegment,
    stored_segment,
)
from observability.metrics.store.selection import SelectedSeries, find_series
from observability.metrics.store.windows import WINDOW_MS
from observability.promql.matchers import Matcher
from observability.promql.storage import SelectHints, SeriesBlock

# Bounds what one step of the engine holds in memory.
SERIES_PER_BLOCK = 256


class PostgresStorage:
    """Reads series and samples from PostgreSQL, for `observability.promql.storage.Storage`."""

    def select(self, matchers: Sequence[Matcher], hints: SelectHints) -> Iterator[SeriesBlock]:
        """Yield the samples of all series that satisfy the matchers, in blocks."""
        series = find_series(matchers)
        if not series:
            return
        # In the order in which segments hold them, so that a page is decoded for one block.
        series.sort(key=lambda found: (found.metric_id, found.id))
        blocks = [
            sorted(series[start : start + SERIES_PER_BLOCK], key=lambda found: found.id)
            for start in range(0, len(series), SERIES_PER_BLOCK)
        ]
        reader = Reader(
            series_ids=np.array(sorted(found.id for found in series), np.int64),
            metric_ids=sorted({found.metric_id for found in series}),
            start_ms=hints.start_ms,
            end_ms=hints.end_ms,
        )
        for block in blocks:
            yield _series_block(block, reader.read(np.array([found.id for found in block])))


def read_samples(series_ids: Sequence[int], start_ms: int, end_ms: int) -> LogSamples:
    """Return the samples of these series within the range, both ends included.

    Returns:
        Samples by series in the order of `series_ids` (whose places stand in for the
        ids), then by time, each time once.
    """
    wanted = np.array(series_ids, dtype=np.int64)
    order = np.argsort(wanted, kind="stable")
    reader = Reader(
        series_ids=wanted[order],
        metric_ids=_metric_ids(series_ids),
        start_ms=start_ms,
        end_ms=end_ms,
    )
    columns = reader.read(wanted[order])
    places = np.repeat(order[places_of(wanted[order], columns.series_ids)], columns.counts)
    by_place = np.argsort(places, kind="stable")
    return LogSamples(
        series_ids=places[by_place].astype(np.int64),
        timestamps_ms=columns.timestamps_ms[by_place],
        values=columns.values[by_place],
    )


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What one statement found: samples from the log, and the segments with what else there is."""

    recent: SeriesColumns
    segments: list[StoredSegment]


class Reader:
    """Reads samples of some series over a range of time, each exactly once, block by block.

    One statement finds the log rows and the directories of the segments, so that all is as
    of one moment, whatever compaction does. Pages are fetched later, by the ids of their
    segments, which never change. A segment that has been merged by then is gone: in this case
    the block, and those after it, are read as of a new moment. No transaction is held
    open while the engine works.
    """

    def __init__(
        self,
        *,
        series_ids: NDArray[np.int64],
        metric_ids: Sequence[int],
        start_ms: int,
        end_ms: int,
    ) -> None:
        """Prepare to read these series (ascending ids) of these metrics; both ends are included."""
        self._series_ids = series_ids
        self._metric_ids = list(metric_ids)
        self._start_ms = start_ms
        self._end_ms = end_ms
        self._snapshot: _Snapshot | None = None

    def read(self, series_ids: NDArray[np.int64]) -> SeriesColumns:
        """Return the samples of some of the series (ascending ids)."""
        if not len(series_ids):
            return merge([]).columns
        # Ends: a sample moves to a higher level, of which there are few.
        while True:
            snapshot = self._snapshot or self._take_snapshot()
            self._snapshot = snapshot
            try:
                pages = list(self._pages(snapshot, series_ids))
            except SegmentGoneError:
                self._snapshot = None
                continue
            recent = restrict(snapshot.recent, series_ids)
            return merge([*pages, recent]).columns

    def _pages(self, snapshot: _Snapshot, series_ids: NDArray[np.int64]) -> Iterator[SeriesColumns]:
        for page in segment_table.fetch(snapshot.segments, series_ids):
            yield restrict(page, series_ids, self._start_ms, self._end_ms)

    def _take_snapshot(self) -> _Snapshot:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT NULL AS id, NULL AS level, NULL AS window_start_ms, NULL AS window_end_ms,"
                "   data FROM metrics_samplelog"
                " WHERE max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s"
                " UNION ALL"
                " SELECT id, level, window_start_ms, window_end_ms, directory FROM metrics_segment"
                " WHERE metric_id = ANY(%(metrics)s)"
                "   AND window_start_ms > %(start)s - %(window)s AND window_start_ms <= %(end)s"
                "   AND max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s"
                "   AND max_series_id >= %(first)s AND min_series_id <= %(last)s",
                {
                    "start": self._start_ms,
                    "end": self._end_ms,
                    "metrics": self._metric_ids,
                    "window": WINDOW_MS[-1],
                    "first": int(self._series_ids[0]),
                    "last": int(self._series_ids[-1]),
                },
            )
            rows = cursor.fetchall()
        logged = log.concatenate(
            [log.decode(row[4], self._series_ids) for row in rows if row[0] is None]
        )
        recent = arrange(logged.series_ids, logged.timestamps_ms, logged.values).columns
        return _Snapshot(
            recent=restrict(recent, self._series_ids, self._start_ms, self._end_ms),
            segments=[stored_segment(*row) for row in rows if row[0] is not None],
        )


def _metric_ids(series_ids: Sequence[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT metric_id FROM metrics_series WHERE id = ANY(%s)", [list(series_ids)]
        )
        return [metric_id for (metric_id,) in cursor.fetchall()]


def _series_block(series: Sequence[SelectedSeries], columns: SeriesColumns) -> SeriesBlock:
    ids = np.array([found.id for found in series], np.int64)
    counts = np.zeros(len(ids), np.int64)
    counts[places_of(ids, columns.series_ids)] = columns.counts
    return SeriesBlock(
        label_sets=[found.labels for found in series],
        offsets=np.append(np.zeros(1, np.int64), np.cumsum(counts)),
        timestamps_ms=columns.timestamps_ms,
        values=columns.values,
    )
