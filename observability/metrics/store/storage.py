"""The store as the query engine sees it: a selector in, blocks of series out."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store.assembly import assemble
from observability.metrics.store.columns import EMPTY, SeriesColumns, places_of
from observability.metrics.store.decoders import decoders
from observability.metrics.store.log import LogSamples
from observability.metrics.store.page_table import SegmentGoneError
from observability.metrics.store.prepared import Statement, fetch
from observability.metrics.store.recent import RECENT, Chunk, fetch_chunk, fetch_logged, split_log
from observability.metrics.store.rollups.reading import (
    ROLLED_DAYS,
    ROLLUPS,
    ChosenRollups,
    JoinedRollups,
    Rows,
    choose_rollups,
    may_be_rolled_up,
)
from observability.metrics.store.segment_table import (
    FetchedPages,
    SegmentKey,
    StoredSegment,
    Window,
    fetch_found,
    with_directories,
)
from observability.metrics.store.selection import SelectedSeries, find_kept_series, find_series
from observability.metrics.store.series_table import SeriesTable
from observability.metrics.store.windows import WINDOW_MS
from observability.metrics.store.young_segments import YoungSegment, are_kept, young_samples
from observability.promql.blocks import offsets_of
from observability.promql.matchers import Matcher
from observability.promql.storage import RollupBlock, SelectHints, SeriesBlock

# Bounds what one step of the engine holds in memory.
_SAMPLES_PER_BLOCK = 2**19
# How often a scrape is, mostly.
_USUAL_INTERVAL_MS = 15_000
# Blocks that are decoded, or wait for it, before they are needed.
_BLOCKS_AHEAD = 2
# Of so many metrics at once all segments of the last minutes are looked at.
_MAX_METRICS_WITH_YOUNG = 16

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
        series, reader = self._series(matchers, hints)
        if reader is None:
            return
        # In the order in which segments hold them, so that a page is decoded for one block.
        series.sort(key=lambda found: (found.metric_id, found.id))
        size = series_per_block(hints.end_ms - hints.start_ms)
        blocks = [
            sorted(series[start : start + size], key=lambda found: found.id)
            for start in range(0, len(series), size)
        ]
        ids = [np.array([series.id for series in block]) for block in blocks]
        for block, found in zip(blocks, reader.read_blocks(ids), strict=True):
            if isinstance(found, SeriesColumns):
                yield _series_block(block, found)
            else:
                yield found.block(block)

    def _series(
        self, matchers: Sequence[Matcher], hints: SelectHints
    ) -> tuple[list[SelectedSeries], Reader | None]:
        """Return the series that satisfy all matchers, and what reads them, if there are any."""
        kept = find_kept_series(matchers)
        if kept is not None and kept[1]:
            reader = _reader(kept[1], hints, tables=[kept[0]])
            if reader.finds_tables():
                return kept[1], reader
        series = find_series(matchers)
        return series, _reader(series, hints) if series else None


def _reader(
    series: Sequence[SelectedSeries], hints: SelectHints, *, tables: Sequence[SeriesTable] = ()
) -> Reader:
    return Reader(
        series_ids=np.array(sorted(found.id for found in series), np.int64),
        metric_ids=sorted({found.metric_id for found in series}),
        start_ms=hints.start_ms,
        end_ms=hints.end_ms,
        hints=hints,
        tables=tables,
    )


def series_per_block(range_ms: int) -> int:
    """Return how many series a block has, when they have samples as often as is usual."""
    return min(max(_SAMPLES_PER_BLOCK * _USUAL_INTERVAL_MS // max(range_ms, 1), 64), 4096)


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


class _TableMovedError(Exception):
    """A metric has other series by now than its table."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What one statement found: samples from the log, and where the others are."""

    recent: list[Chunk]
    segments: list[StoredSegment]
    rollups: ChosenRollups | None


@dataclass(frozen=True, slots=True)
class _Fetched:
    """All that is there of the samples of some series, yet to be put together."""

    series_ids: NDArray[np.int64]
    recent: list[Chunk]
    pages: list[FetchedPages]

    def assemble(self, start_ms: int, end_ms: int) -> SeriesColumns:
        """Return the samples within a range that holds its ends; needs no database."""
        runs = [part for pages in self.pages for part in pages.decode()]
        runs += [chunk.runs(self.series_ids) for chunk in self.recent]
        return assemble(runs, self.series_ids, start_ms, end_ms)


class Reader:
    """Reads samples of some series over a range of time, each exactly once, block by block.

    One statement finds the log rows and the segments, so that all is as of one moment, whatever
    compaction does. Pages are fetched later, by the ids of their segments, which never
    change. A segment that has been merged by then is gone: in this case the block, and those
    after it, are read as of a new moment. No transaction is held open while the engine works.

    While the engine works on a block, another thread decodes the next ones.

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
        tables: Sequence[SeriesTable] = (),
    ) -> None:
        """Prepare to read these series (ascending ids) of these metrics; both ends are included.

        Args:
            series_ids: The series.
            metric_ids: Their metrics.
            start_ms: The oldest time.
            end_ms: The newest time.
            hints: What the engine is going to do.
            tables: In which the series were found, if nobody has seen yet whether they still hold.
        """
        self._series_ids = series_ids
        self._metric_ids = list(metric_ids)
        self._start_ms = start_ms
        self._end_ms = end_ms
        self._hints = hints
        self._tables = tuple(tables)
        self._takes_young = len(self._metric_ids) <= _MAX_METRICS_WITH_YOUNG
        self._snapshot: _Snapshot | None = None

    def finds_tables(self) -> bool:
        """Say whether the tables in which the series were found hold; what is read is of that moment."""
        try:
            self._of_one_moment(lambda snapshot: snapshot)
        except _TableMovedError:
            return False
        self._tables = ()
        return True

    def read(self, series_ids: NDArray[np.int64]) -> SeriesColumns:
        """Return the samples of some of the series (ascending ids)."""
        if not len(series_ids):
            return EMPTY
        return self._of_one_moment(lambda snapshot: self._samples(snapshot, series_ids))

    def read_blocks(
        self, blocks: Sequence[NDArray[np.int64]]
    ) -> Iterator[SeriesColumns | JoinedRollups]:
        """Yield the same of blocks of one series at least, or rollups with samples beside them."""
        if len(blocks) == 1:
            yield self._of_one_moment(lambda snapshot: self._joined(snapshot, blocks[0]))
            return
        ahead: deque[Callable[[], SeriesColumns | JoinedRollups]] = deque()
        for block in blocks:
            ahead.append(self._begin(block))
            if len(ahead) > _BLOCKS_AHEAD:
                yield ahead.popleft()()
        while ahead:
            yield ahead.popleft()()

    def _begin(self, series_ids: NDArray[np.int64]) -> Callable[[], SeriesColumns | JoinedRollups]:
        """Fetch what there is of some series, and return what waits until it is put together."""

        def look(snapshot: _Snapshot) -> Callable[[], SeriesColumns | JoinedRollups]:
            if snapshot.rollups is not None:
                joined = self._joined(snapshot, series_ids)
                return lambda: joined
            fetched = _fetch(snapshot, series_ids)
            return decoders().submit(fetched.assemble, self._start_ms, self._end_ms).result

        return self._of_one_moment(look)

    def _of_one_moment(self, look: Callable[[_Snapshot], _Found]) -> _Found:
        # Ends: a sample moves to a higher level, of which there are few.
        while True:
            try:
                snapshot = self._snapshot or self._take_snapshot()
                self._snapshot = snapshot
                return look(snapshot)
            except SegmentGoneError:
                self._snapshot = None

    def _joined(
        self, snapshot: _Snapshot, series_ids: NDArray[np.int64]
    ) -> SeriesColumns | JoinedRollups:
        samples = self._samples(snapshot, series_ids)
        return samples if snapshot.rollups is None else snapshot.rollups.join(series_ids, samples)

    def _samples(self, snapshot: _Snapshot, series_ids: NDArray[np.int64]) -> SeriesColumns:
        return _fetch(snapshot, series_ids).assemble(self._start_ms, self._end_ms)

    def _take_snapshot(self) -> _Snapshot:
        looks = [_LOG, _SEGMENTS, _YOUNG]
        if self._hints is not None and may_be_rolled_up(self._hints):
            looks += [ROLLED_DAYS, ROLLUPS]
        if self._tables:
            looks.append(_METRIC)
        began = time.monotonic()
        rows = fetch(
            _statement(tuple(looks)),
            {
                "start": self._start_ms,
                "end": self._end_ms,
                "metrics": self._metric_ids,
                "names": [table.name for table in self._tables],
                "window": WINDOW_MS[-1],
                "first": int(self._series_ids[0]),
                "last": int(self._series_ids[-1]),
                "takes_young": self._takes_young,
                "takes_rollups": self._hints is not None and self._hints.rollup_columns is not None,
            },
        )
        found: dict[str, list[tuple[list[int], memoryview]]] = defaultdict(list)
        for kind, numbers, data in rows:
            found[kind].append((numbers, data))
        if self._tables:
            versions = {tuple(numbers) for numbers, _ in found["metric"]}
            if not all(table.version in versions for table in self._tables):
                raise _TableMovedError
        recent = self._recent(found["log"][0][0], began)
        rollups = None
        if self._hints is not None and found["day"]:
            logged = _Fetched(self._series_ids, recent, []).assemble(self._start_ms, self._end_ms)
            rollups = choose_rollups(found, self._hints, logged.timestamps_ms)
        keys = [
            SegmentKey(segment_id, level, Window(start_ms, end_ms))
            for (metric_id, segment_id, level, start_ms, end_ms), _ in found["segment"]
            if rollups is None or rollups.leaves(metric_id, start_ms)
        ]
        for metric_id, young in _by_metric(found["young"]).items():
            if self._takes_young and rollups is None and are_kept(young):
                recent += young_samples(metric_id, young, seen_at=began)
                continue
            keys += [
                one.key
                for one in young
                if one.newest_ms >= self._start_ms
                and one.oldest_ms <= self._end_ms
                and (rollups is None or rollups.leaves(metric_id, one.key.window.start_ms))
            ]
        segments = with_directories(keys)
        return _Snapshot(
            recent=recent,
            segments=segments,
            rollups=rollups if rollups is not None and rollups.are_any else None,
        )

    def _recent(self, numbers: list[int] | None, seen_at: float) -> list[Chunk]:
        """Return the samples of the log, whose rows the snapshot has named."""
        row_ids, counts, overlaps = np.array(numbers or (), np.int64).reshape(3, -1)
        kept, others = split_log(row_ids, counts, overlaps)
        chunks = RECENT.of_rows(kept, seen_at=seen_at, fetch=fetch_logged)
        if len(others):
            chunks.append(fetch_chunk(others, self._series_ids))
        return chunks


def _by_metric(rows: Rows) -> dict[int, list[YoungSegment]]:
    young: dict[int, list[YoungSegment]] = defaultdict(list)
    for (metric_id, segment_id, start_ms, end_ms, count, oldest_ms, newest_ms), _ in rows:
        key = SegmentKey(segment_id, 0, Window(start_ms, end_ms))
        young[metric_id].append(YoungSegment(key, count, oldest_ms, newest_ms))
    return young


def _fetch(snapshot: _Snapshot, series_ids: NDArray[np.int64]) -> _Fetched:
    return _Fetched(series_ids, snapshot.recent, fetch_found(snapshot.segments, series_ids))


_TYPES = {
    "start": "bigint",
    "end": "bigint",
    "metrics": "int[]",
    "names": "text[]",
    "window": "bigint",
    "first": "bigint",
    "last": "bigint",
    "takes_young": "boolean",
    "takes_rollups": "boolean",
}


@lru_cache(maxsize=8)
def _statement(looks: tuple[str, ...]) -> Statement:
    return Statement(" UNION ALL ".join(looks), _TYPES)


# What they have in common: a kind, numbers, and bytes.
_LOG = (
    "SELECT 'log' AS kind, array_agg(id ORDER BY id DESC)"
    "   || array_agg(sample_count::bigint ORDER BY id DESC) || array_agg((max_timestamp_ms >= %(start)s"
    "     AND min_timestamp_ms <= %(end)s)::int::bigint ORDER BY id DESC) AS numbers,"
    " NULL::bytea AS data FROM metrics_samplelog"
)
_SEGMENTS = (
    "SELECT 'segment', ARRAY[metric_id, id, level, window_start_ms, window_end_ms], NULL"
    " FROM metrics_segment WHERE level > 0 AND metric_id = ANY(%(metrics)s)"
    "   AND window_start_ms > %(start)s - %(window)s AND window_start_ms <= %(end)s"
    "   AND max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s"
    "   AND max_series_id >= %(first)s AND min_series_id <= %(last)s"
)
# All of a metric, so that they can be kept together; of many metrics those that are needed.
_YOUNG = (
    "SELECT 'young', ARRAY[metric_id, id, window_start_ms, window_end_ms, sample_count,"
    "   min_timestamp_ms, max_timestamp_ms], NULL"
    " FROM metrics_segment WHERE level = 0 AND metric_id = ANY(%(metrics)s)"
    "   AND (%(takes_young)s OR (max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s"
    "     AND max_series_id >= %(first)s AND min_series_id <= %(last)s))"
)
_METRIC = (
    "SELECT 'metric', ARRAY[id, series_count,"
    "   coalesce((SELECT number FROM metrics_catalogueepoch), 0)]::bigint[], NULL"
    " FROM metrics_metric WHERE name = ANY(%(names)s)"
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
        offsets=offsets_of(counts),
        timestamps_ms=columns.timestamps_ms,
        values=columns.values,
    )
