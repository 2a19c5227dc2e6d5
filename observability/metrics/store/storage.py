"""The store as the query engine sees it: a selector in, blocks of series out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store import log, segment_table
from observability.metrics.store.columns import SeriesColumns, arrange, merge, places_of, restrict
from observability.metrics.store.log import LogSamples
from observability.metrics.store.page_table import SegmentGoneError
from observability.metrics.store.rollups.reading import (
    ROLLED_DAYS,
    ROLLUPS,
    ChosenRollups,
    JoinedRollups,
    choose_rollups,
    may_be_rolled_up,
)
from observability.metrics.store.segment_table import StoredSegment, stored_segment
from observability.metrics.store.selection import SelectedSeries, find_series
from observability.metrics.store.windows import WINDOW_MS
from observability.promql.matchers import Matcher
from observability.promql.storage import RollupBlock, SelectHints, SeriesBlock

# Bounds what one step of the engine holds in memory.
SERIES_PER_BLOCK = 256

_Found = TypeVar("_Found")


class PostgresStorage:
    """Reads series and samples from PostgreSQL, for `observability.promql.storage.Storage`."""

    def select(
        self, matchers: Sequence[Matcher], hints: SelectHints
    ) -> Iterator[SeriesBlock | RollupBlock]:
        """Yield the samples of all series that satisfy the matchers, or rollups, in blocks.

        Raises:
            RawSamplesGoneError: Samples are needed of a time of which there are only rollups.
        """
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
            hints=hints,
        )
        for block in blocks:
            found = reader.read_block(np.array([series.id for series in block]))
            if isinstance(found, SeriesColumns):
                yield _series_block(block, found)
            else:
                yield found.block(block)


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
    """What one statement found: samples from the log, and where the others are."""

    recent: SeriesColumns
    segments: list[StoredSegment]
    rollups: ChosenRollups | None


class Reader:
    """Reads samples of some series over a range of time, each exactly once, block by block.

    One statement finds the log rows and the directories of the segments, so that all is as
    of one moment, whatever compaction does. Pages are fetched later, by the ids of their
    segments, which never change. A segment that has been merged by then is gone: in this case
    the block, and those after it, are read as of a new moment. No transaction is held
    open while the engine works.

    With hints, days are read from rollups instead where these are as good, or all that is left.
    """

    def __init__(
        self,
        *,
        series_ids: NDArray[np.int64],
        metric_ids: Sequence[int],
        start_ms: int,
        end_ms: int,
        hints: SelectHints | None = None,
    ) -> None:
        """Prepare to read these series (ascending ids) of these metrics; both ends are included."""
        self._series_ids = series_ids
        self._metric_ids = list(metric_ids)
        self._start_ms = start_ms
        self._end_ms = end_ms
        self._hints = hints
        self._snapshot: _Snapshot | None = None

    def read(self, series_ids: NDArray[np.int64]) -> SeriesColumns:
        """Return the samples of some of the series (ascending ids)."""
        if not len(series_ids):
            return merge([]).columns
        return self._of_one_moment(lambda snapshot: self._samples(snapshot, series_ids))

    def read_block(self, series_ids: NDArray[np.int64]) -> SeriesColumns | JoinedRollups:
        """Return the same of one series at least, or rollups with samples beside them."""
        return self._of_one_moment(lambda snapshot: self._joined(snapshot, series_ids))

    def _of_one_moment(self, look: Callable[[_Snapshot], _Found]) -> _Found:
        # Ends: a sample moves to a higher level, of which there are few.
        while True:
            snapshot = self._snapshot or self._take_snapshot()
            self._snapshot = snapshot
            try:
                return look(snapshot)
            except SegmentGoneError:
                self._snapshot = None

    def _joined(
        self, snapshot: _Snapshot, series_ids: NDArray[np.int64]
    ) -> SeriesColumns | JoinedRollups:
        samples = self._samples(snapshot, series_ids)
        return samples if snapshot.rollups is None else snapshot.rollups.join(series_ids, samples)

    def _samples(self, snapshot: _Snapshot, series_ids: NDArray[np.int64]) -> SeriesColumns:
        pages = [
            restrict(page, series_ids, self._start_ms, self._end_ms)
            for page in segment_table.fetch(snapshot.segments, series_ids)
        ]
        return merge([*pages, restrict(snapshot.recent, series_ids)]).columns

    def _take_snapshot(self) -> _Snapshot:
        looks = [_LOG, _SEGMENTS]
        if self._hints is not None and may_be_rolled_up(self._hints.start_ms):
            looks += [ROLLED_DAYS, ROLLUPS]
        with connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(looks),
                {
                    "start": self._start_ms,
                    "end": self._end_ms,
                    "metrics": self._metric_ids,
                    "window": WINDOW_MS[-1],
                    "first": int(self._series_ids[0]),
                    "last": int(self._series_ids[-1]),
                    "takes_rollups": self._hints is not None
                    and self._hints.rollup_columns is not None,
                },
            )
            found: dict[str, list[tuple[list[int], memoryview]]] = defaultdict(list)
            for kind, numbers, data in cursor.fetchall():
                found[kind].append((numbers, data))
        logged = log.concatenate([log.decode(data, self._series_ids) for _, data in found["log"]])
        recent = arrange(logged.series_ids, logged.timestamps_ms, logged.values).columns
        recent = restrict(recent, self._series_ids, self._start_ms, self._end_ms)
        rollups = None
        if self._hints is not None and found["day"]:
            rollups = choose_rollups(found, self._hints, recent.timestamps_ms)
        return _Snapshot(
            recent=recent,
            segments=[
                stored_segment(segment_id, level, start_ms, end_ms, data)
                for (metric_id, segment_id, level, start_ms, end_ms), data in found["segment"]
                if rollups is None or rollups.leaves(metric_id, start_ms)
            ],
            rollups=rollups if rollups is not None and rollups.are_any else None,
        )


# What they have in common: a kind, numbers, and bytes.
_LOG = (
    "SELECT 'log' AS kind, NULL::bigint[] AS numbers, data FROM metrics_samplelog"
    " WHERE max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s"
)
_SEGMENTS = (
    "SELECT 'segment', ARRAY[metric_id, id, level, window_start_ms, window_end_ms], directory"
    " FROM metrics_segment WHERE metric_id = ANY(%(metrics)s)"
    "   AND window_start_ms > %(start)s - %(window)s AND window_start_ms <= %(end)s"
    "   AND max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s"
    "   AND max_series_id >= %(first)s AND min_series_id <= %(last)s"
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
