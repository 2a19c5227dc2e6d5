"""Buckets series by series: how they are made of samples, folded, put together and compared.

A bucket stands for all samples of a series after one multiple of its resolution, up to and
including the next, which is its end: as PromQL's windows, it is open on the left. They are made
of a day at a time, so that a sample at midnight is in a bucket of its own. A stale marker is no
sample; where one is the newest of what a bucket stands for, it follows as a bucket with a
count of 0.

Every column but `SUM` and `LOST` is exact. Sums are compensated while a bucket is made, and rounded once
when it is done: the sum of several buckets is off by at most half a unit in the last place of each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store.columns import SeriesColumns, places_of
from observability.promql.blocks import offsets_of
from observability.promql.staleness import is_stale
from observability.promql.storage import RollupColumn
from observability.promql.summation import sum_runs

ALL_COLUMNS = frozenset(RollupColumn)
_WHOLE = (
    RollupColumn.FIRST_MS,
    RollupColumn.LAST_MS,
    RollupColumn.RESETS,
    RollupColumn.CHANGES,
    RollupColumn.STALE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Buckets of several series, one series after the other, each in the order of their samples.

    The buckets of series `i` are `[offsets[i]:offsets[i + 1]]` of `ends_ms`, `counts` and
    every column. Every series has a bucket at least. `FIRST_MS` is always there.

    Attributes:
        series_ids: int64, ascending.
        offsets: int64, one more than there are series, from 0 to the number of buckets.
        ends_ms: int64, when they end.
        counts: int64, their samples.
        columns: What else is known of them.
    """

    series_ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    counts: NDArray[np.int64]
    columns: dict[RollupColumn, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def first_ms(self) -> NDArray[np.int64]:
        """Return when the first sample of each was taken."""
        return self.columns[RollupColumn.FIRST_MS]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return for each bucket which of the series it belongs to."""
        return np.repeat(np.arange(len(self.series_ids)), np.diff(self.offsets))


def nothing(wanted: Collection[RollupColumn] = ALL_COLUMNS) -> Buckets:
    """Return no buckets."""
    return Buckets(
        series_ids=np.empty(0, np.int64),
        offsets=np.zeros(1, np.int64),
        ends_ms=np.empty(0, np.int64),
        counts=np.empty(0, np.int64),
        columns={name: np.empty(0, np.int64 if name in _WHOLE else np.float64) for name in wanted},
    )


def of_samples(samples: SeriesColumns, wanted: Collection[RollupColumn] = ALL_COLUMNS) -> Buckets:
    """Return samples as buckets of one each, that end with it."""
    values, times = samples.values, samples.timestamps_ms
    columns: dict[RollupColumn, NDArray[Any]] = dict.fromkeys(wanted, values)
    for name in columns:
        match name:
            case RollupColumn.FIRST_MS | RollupColumn.LAST_MS:
                columns[name] = times
            case RollupColumn.LOST:
                columns[name] = np.zeros(len(values))
            case RollupColumn.RESETS | RollupColumn.CHANGES:
                columns[name] = np.zeros(len(values), np.int64)
            case RollupColumn.STALE:
                columns[name] = is_stale(values).astype(np.int64)
            case _:
                pass
    return Buckets(
        series_ids=samples.series_ids,
        offsets=samples.offsets,
        ends_ms=times,
        counts=(~is_stale(values)).astype(np.int64),
        columns=columns,
    )


def fold(buckets: Buckets, resolution_ms: int) -> Buckets:
    """Return buckets as those of a resolution that theirs divides.

    They must have `FIRST` and `LAST` for what is counted between neighbours.
    """
    if not len(buckets):
        return buckets
    rows = buckets.rows
    ends_ms = -(-buckets.ends_ms // resolution_ms) * resolution_ms
    is_new = np.append(True, (ends_ms[1:] != ends_ms[:-1]) | (rows[1:] != rows[:-1]))
    groups = np.cumsum(is_new) - 1
    is_last = np.append(is_new[1:], True)
    live = np.flatnonzero(buckets.counts > 0)
    markers = np.flatnonzero((buckets.counts == 0) & is_last)

    folded = _fold_live(buckets, live, groups[live])
    kept = {name: column[markers] for name, column in buckets.columns.items()}
    if RollupColumn.STALE in kept:
        # All markers of a group are counted once: with the one that is kept, if one is.
        total = np.add.reduceat(buckets.columns[RollupColumn.STALE], np.flatnonzero(is_new))
        kept[RollupColumn.STALE] = total[groups[markers]]
        total[groups[markers]] = 0
        folded.columns[RollupColumn.STALE] = total[folded.groups]
    # Behind the bucket of its group, where there is one.
    order = np.argsort(np.append(2 * folded.groups, 2 * groups[markers] + 1))
    origin = np.append(live[folded.starts], markers)[order]
    return Buckets(
        series_ids=buckets.series_ids,
        offsets=offsets_of(np.bincount(rows[origin], minlength=len(buckets.series_ids))),
        ends_ms=ends_ms[origin],
        counts=np.append(folded.counts, np.zeros(len(markers), np.int64))[order],
        columns={
            name: np.append(column, kept[name])[order] for name, column in folded.columns.items()
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folded:
    """The groups that have samples: their numbers, where they start, and what is known of them."""

    groups: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    columns: dict[RollupColumn, NDArray[Any]]


def _fold_live(buckets: Buckets, live: NDArray[np.int64], groups: NDArray[np.int64]) -> _Folded:
    """Return the groups of those of the buckets that have samples."""
    columns = {name: column[live] for name, column in buckets.columns.items()}
    if not len(live):
        return _Folded(groups=groups, starts=live, counts=live, columns=columns)
    starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    # Cells of infinite sums are calculated along with the others.
    with np.errstate(all="ignore"):
        folded = {name: _fold_column(name, columns, groups, starts) for name in columns}
    return _Folded(
        groups=groups[starts],
        starts=starts,
        counts=np.add.reduceat(buckets.counts[live], starts),
        columns=folded,
    )


def _fold_column(
    name: RollupColumn,
    columns: dict[RollupColumn, NDArray[Any]],
    groups: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> NDArray[Any]:
    """Return a column of groups of buckets, each of which begins at one of the starts."""
    column = columns[name]
    match name:
        case RollupColumn.SUM:
            return np.asarray(sum_runs(column, starts))
        case RollupColumn.MIN:
            return np.asarray(np.fmin.reduceat(column, starts))
        case RollupColumn.MAX:
            return np.asarray(np.fmax.reduceat(column, starts))
        case RollupColumn.FIRST | RollupColumn.FIRST_MS:
            return np.asarray(column[starts])
        case RollupColumn.LAST | RollupColumn.LAST_MS:
            return np.asarray(column[np.append(starts[1:], len(column)) - 1])
        case RollupColumn.STALE:
            return np.asarray(np.add.reduceat(column, starts))
        case RollupColumn.LOST | RollupColumn.RESETS | RollupColumn.CHANGES:
            between = _between(name, columns, groups)
            return np.asarray(np.add.reduceat(np.append(column[:1], column[1:] + between), starts))


def _between(
    name: RollupColumn, columns: dict[RollupColumn, NDArray[Any]], groups: NDArray[np.int64]
) -> NDArray[Any]:
    """Return what is counted from each bucket to the next of its group; nothing at the group's end."""
    older, newer = columns[RollupColumn.LAST][:-1], columns[RollupColumn.FIRST][1:]
    is_inside = groups[1:] == groups[:-1]
    if name is RollupColumn.CHANGES:
        return np.asarray(is_inside & (newer != older) & ~(np.isnan(newer) & np.isnan(older)))
    falls = is_inside & (newer < older)
    return np.where(falls, older, 0.0) if name is RollupColumn.LOST else falls


def join(parts: Sequence[Buckets]) -> Buckets:
    """Return the buckets of all parts together; no two of them stand for the same sample."""
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if not parts:
        return nothing()
    if len(parts) == 1:
        return parts[0]
    ids = np.concatenate([part.series_ids for part in parts])
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    first_ms = np.concatenate([part.first_ms for part in parts])
    ends = np.cumsum(counts)

    # Runs mostly follow each other in time, and change place as a whole.
    runs = np.lexsort((first_ms[ends - counts], ids))
    run_ids, run_counts, run_starts = ids[runs], counts[runs], (ends - counts)[runs]
    run_ends = np.cumsum(run_counts)
    order = np.repeat(run_starts - (run_ends - run_counts), run_counts) + np.arange(len(first_ms))
    series = np.repeat(run_ids, run_counts)
    moved_ms = first_ms[order]
    if np.any((moved_ms[1:] < moved_ms[:-1]) & (series[1:] == series[:-1])):
        sort = np.lexsort((moved_ms, series))
        order, series = order[sort], series[sort]
    firsts = np.flatnonzero(np.append(True, series[1:] != series[:-1]))
    return Buckets(
        series_ids=series[firsts],
        offsets=np.append(firsts, len(series)),
        ends_ms=np.concatenate([part.ends_ms for part in parts])[order],
        counts=np.concatenate([part.counts for part in parts])[order],
        columns={
            name: np.concatenate([part.columns[name] for part in parts])[order]
            for name in parts[0].columns
        },
    )


def where(buckets: Buckets, keep: NDArray[np.bool_]) -> Buckets:
    """Return those of the buckets that are to be kept, one bool each."""
    if keep.all():
        return buckets
    counts = np.bincount(buckets.rows[keep], minlength=len(buckets.series_ids))
    is_left = counts > 0
    return Buckets(
        series_ids=buckets.series_ids[is_left],
        offsets=offsets_of(counts[is_left]),
        ends_ms=buckets.ends_ms[keep],
        counts=buckets.counts[keep],
        columns={name: column[keep] for name, column in buckets.columns.items()},
    )


def of_series(buckets: Buckets, series_ids: NDArray[np.int64]) -> Buckets:
    """Return the buckets of some series (ascending ids)."""
    places = places_of(buckets.series_ids, series_ids)
    if len(places) == len(buckets.series_ids):
        return buckets
    is_wanted = np.zeros(len(buckets.series_ids), bool)
    is_wanted[places] = True
    return where(buckets, is_wanted[buckets.rows])


def part_of(buckets: Buckets, cut: slice) -> Buckets:
    """Return the buckets of the series at these places."""
    offsets = buckets.offsets[cut.start : cut.stop + 1]
    inside = slice(offsets[0], offsets[-1])
    return replace(
        buckets,
        series_ids=buckets.series_ids[cut],
        offsets=offsets - offsets[0],
        ends_ms=buckets.ends_ms[inside],
        counts=buckets.counts[inside],
        columns={name: column[inside] for name, column in buckets.columns.items()},
    )


def fuller(old: Buckets, new: Buckets) -> Buckets:
    """Return of both, for each series and end, the one with more samples and markers, else the new.

    Both are of the same resolution and day. What was made of samples that are no longer
    there is kept that way, and late samples still come in.
    """
    if not len(old) or not len(new):
        return new if len(new) else old
    ids = np.concatenate([part.series_ids[part.rows] for part in (old, new)])
    ends_ms = np.concatenate([old.ends_ms, new.ends_ms])
    counts = np.concatenate([part.counts + part.columns[RollupColumn.STALE] for part in (old, new)])
    is_new = np.repeat([False, True], [len(old), len(new)])
    order = np.lexsort((ends_ms, ids))
    begins = np.append(True, (np.diff(ids[order]) != 0) | (np.diff(ends_ms[order]) != 0))
    starts = np.flatnonzero(begins)
    of_new = np.add.reduceat(np.where(is_new, counts, 0)[order], starts)
    of_old = np.add.reduceat(np.where(is_new, 0, counts)[order], starts)
    has_new = np.logical_or.reduceat(is_new[order], starts)
    takes_new = np.empty(len(order), bool)
    takes_new[order] = (has_new & (of_new >= of_old))[np.cumsum(begins) - 1]
    keep = takes_new == is_new
    return join([where(old, keep[: len(old)]), where(new, keep[len(old) :])])
