"""Rollups as a reader finds and fetches them, beside the samples of the days that have none."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store.columns import SeriesColumns, places_of
from observability.metrics.store.paging import decode_directory
from observability.metrics.store.rollups import table
from observability.metrics.store.rollups.buckets import (
    Buckets,
    fold,
    join,
    nothing,
    of_samples,
    where,
)
from observability.metrics.store.rollups.choice import (
    RAW,
    Choice,
    Day,
    choose,
    exact_resolutions,
)
from observability.metrics.store.rollups.days import ROLLED_LEVEL
from observability.metrics.store.rollups.resolutions import FIVE_MINUTES_MS, HOUR_MS, ROW_MS
from observability.metrics.store.rollups.table import StoredRollup
from observability.metrics.store.selection import SelectedSeries
from observability.metrics.store.windows import DAY_MS, closed_before_ms
from observability.promql.blocks import offsets_of
from observability.promql.storage import RollupBlock, RollupColumn, SelectHints

# How far a window may be widened to the left when it is rounded.
_MARGIN_MS = 2 * HOUR_MS
# Raw samples are kept for so long at least, whatever the retention.
_RAW_MS = DAY_MS - _MARGIN_MS
# Of what is younger, less is read as quickly from samples.
_LONG_MS = 3 * HOUR_MS

# Days that were rolled up, with what there is now in segments.
ROLLED_DAYS = (
    "SELECT 'day', ARRAY[day.metric_id, day.day_ms, day.until_ms, day.source_id, day.sample_count,"  # noqa: S608 (our own numbers)
    "   coalesce(raw.sample_count, 0)::bigint, coalesce(raw.newest_id, 0),"
    "   coalesce(raw.has_unmerged, false)::int], NULL::bytea"
    " FROM metrics_rolledday AS day, LATERAL ("
    "   SELECT sum(sample_count) AS sample_count,"
    f"    max(id) FILTER (WHERE level >= {ROLLED_LEVEL}) AS newest_id,"
    f"    bool_or(level < {ROLLED_LEVEL}) AS has_unmerged"
    "   FROM metrics_segment AS segment WHERE segment.metric_id = day.metric_id"
    "     AND segment.window_start_ms >= day.day_ms AND segment.window_start_ms < day.until_ms"
    "   ) AS raw"
    " WHERE day.metric_id = ANY(%(metrics)s)"
    f"  AND day.day_ms > %(start)s - {_MARGIN_MS + DAY_MS} AND day.day_ms <= %(end)s"
)
# Rows that are not read come too, but not their directories: that there are rollups of a day
# says that it need not be read from samples, or cannot be.
ROLLUPS = (
    "SELECT 'rollup', ARRAY[metric_id, resolution_ms, window_start_ms, id],"  # noqa: S608 (our own numbers)
    "   CASE WHEN %(takes_rollups)s AND max_series_id >= %(first)s AND min_series_id <= %(last)s"
    "   THEN directory END"
    " FROM metrics_rollup WHERE metric_id = ANY(%(metrics)s) AND ("
    + " OR ".join(
        f"resolution_ms = {resolution_ms}"
        f" AND window_start_ms > %(start)s - {_MARGIN_MS + row_ms} AND window_start_ms <= %(end)s"
        for resolution_ms, row_ms in ROW_MS.items()
    )
    + ")"
)

Rows = Sequence[tuple[list[int], memoryview | None]]


def may_be_rolled_up(hints: SelectHints) -> bool:
    """Say whether any rollups may be read for a query."""
    now_ms = int(time.time() * 1000)
    oldest_ms = hints.start_ms - _MARGIN_MS
    if oldest_ms >= closed_before_ms(ROLLED_LEVEL, now_ms):
        return False
    is_long = hints.end_ms - hints.start_ms >= _LONG_MS
    return oldest_ms < now_ms - _RAW_MS or (is_long and bool(exact_resolutions(hints)))


def choose_rollups(
    found: Mapping[str, Rows], hints: SelectHints, recent_ms: NDArray[np.int64]
) -> ChosenRollups:
    """Return what is to be read of the rows that `ROLLED_DAYS` and `ROLLUPS` gave.

    Args:
        found: These rows, as `day` and `rollup`.
        hints: What the engine is going to do.
        recent_ms: The times of samples that are still in the log.

    Raises:
        RawSamplesGoneError: The function needs samples, and of some day there are only rollups.
    """
    recent_ms = np.unique(recent_ms)
    at = {
        (metric_id, resolution_ms, start_ms)
        for (metric_id, resolution_ms, start_ms, _), _ in found["rollup"]
    }
    days = {(row[0], row[1]): _day(row, at, recent_ms) for row, _ in found["day"]}
    return ChosenRollups(choose(days, hints), hints, days, found["rollup"])


def _day(row: list[int], at: set[tuple[int, int, int]], recent_ms: NDArray[np.int64]) -> Day:
    metric_id, day_ms, until_ms, source_id, rolled_count, raw_count, newest_id, has_unmerged = row
    begin, end = np.searchsorted(recent_ms, [day_ms, until_ms])
    is_over = until_ms == day_ms + DAY_MS
    return Day(
        until_ms=until_ms,
        source_id=source_id,
        rolled_count=rolled_count,
        raw_count=raw_count,
        newest_raw_id=newest_id,
        has_late=bool(has_unmerged) or bool(begin < end),
        resolutions=frozenset(
            resolution_ms
            for resolution_ms, row_ms in ROW_MS.items()
            if (metric_id, resolution_ms, day_ms // row_ms * row_ms) in at
            and (is_over or resolution_ms == FIVE_MINUTES_MS)
        ),
    )


@dataclass(frozen=True, slots=True)
class JoinedRollups:
    """Buckets of some series, and what is to be said of them."""

    buckets: Buckets
    choice: Choice

    def block(self, series: Sequence[SelectedSeries]) -> RollupBlock:
        """Return them with the labels of these series (ascending ids), which hold theirs."""
        ids = np.array([found.id for found in series], np.int64)
        counts = np.zeros(len(ids), np.int64)
        counts[places_of(ids, self.buckets.series_ids)] = np.diff(self.buckets.offsets)
        return RollupBlock(
            label_sets=[found.labels for found in series],
            offsets=offsets_of(counts),
            ends_ms=self.buckets.ends_ms,
            counts=self.buckets.counts,
            columns=self.buckets.columns,
            rounded_before_ms=self.choice.rounded_before_ms,
            resolution_ms=self.choice.rounding_ms,
        )


class ChosenRollups:
    """The rows of rollups that a query reads, and of these the days."""

    def __init__(
        self,
        choice: Choice,
        hints: SelectHints,
        days: Mapping[tuple[int, int], Day],
        rows: Rows,
    ) -> None:
        self._choice = choice
        self._days_there = days
        self._wanted: Collection[RollupColumn] = {
            RollupColumn.FIRST_MS,
            *(hints.rollup_columns or ()),
        }
        margin_ms = _MARGIN_MS if choice.rounding_ms > 1 else 0
        self._exact = exact_resolutions(hints)
        self._start_ms, self._end_ms = hints.start_ms - margin_ms, hints.end_ms
        self._rows: list[StoredRollup] = []
        # For rows of which not all days are read, those that are.
        self._days_of_row: dict[int, NDArray[np.int64]] = {}
        for (metric_id, resolution_ms, start_ms, row_id), directory in rows:
            days_read = self._days(metric_id, resolution_ms, start_ms)
            if directory is None or (days_read is not None and not len(days_read)):
                continue
            self._rows.append(StoredRollup(row_id, decode_directory(directory)))
            if days_read is not None:
                self._days_of_row[row_id] = days_read

    @property
    def are_any(self) -> bool:
        """Whether any rollups are to be read."""
        return self._choice.takes_rollups

    def leaves(self, metric_id: int, timestamp_ms: int) -> bool:
        """Say whether a time of a metric is left to be read from samples."""
        key = metric_id, timestamp_ms // DAY_MS * DAY_MS
        return (
            self._choice.resolution_of.get(key, RAW) == RAW
            or timestamp_ms >= self._days_there[key].until_ms
        )

    def join(self, series_ids: NDArray[np.int64], samples: SeriesColumns) -> JoinedRollups:
        """Return buckets of some of the series (ascending ids), and samples as such.

        Raises:
            SegmentGoneError: One of the rows is there no more.
        """
        parts = [
            self._cut(row, page) for row, page in table.fetch(self._rows, series_ids, self._wanted)
        ]
        others = of_samples(samples, self._wanted)
        if self._exact:
            # Fewer buckets, and windows that hold as many of them as those of rollups do.
            others = fold(others, self._exact[0])
        return JoinedRollups(join([nothing(self._wanted), *parts, others]), self._choice)

    def _days(self, metric_id: int, resolution_ms: int, start_ms: int) -> NDArray[np.int64] | None:
        """Return the days of a row that are to be read of it; None when all are."""
        days = range(start_ms, start_ms + ROW_MS[resolution_ms], DAY_MS)
        chosen = [
            self._choice.resolution_of.get((metric_id, day_ms)) == resolution_ms for day_ms in days
        ]
        return None if all(chosen) else np.array(days, np.int64)[np.array(chosen)]

    def _cut(self, row: StoredRollup, page: Buckets) -> Buckets:
        keep = (page.ends_ms >= self._start_ms) & (page.ends_ms <= self._end_ms)
        days = self._days_of_row.get(row.id)
        if days is not None:
            keep &= np.isin(page.first_ms // DAY_MS * DAY_MS, days)
        return where(page, keep)
