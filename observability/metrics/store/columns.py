"""Samples series by series: the form in which they are merged, compressed and read.

Of several samples of one series and one time the one with the largest bit pattern stays: a
rule that does not depend on which came first, nor on when samples met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from observability.promql.blocks import offsets_of

# The keys that samples are sorted by are signed 64-bit numbers.
_MAX_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesColumns:
    """Samples of several series, one series after the other, each strictly ascending in time.

    The samples of series `i` are `timestamps_ms[offsets[i]:offsets[i + 1]]` and the same
    slice of `values`. Every series has a sample at least.

    Attributes:
        series_ids: int64, ascending.
        offsets: int64, one more than there are series, from 0 to the number of samples.
        timestamps_ms: int64, milliseconds since the epoch.
        values: float64; NaN payloads are kept bit for bit.
    """

    series_ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return the number of samples of each series."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class Merged:
    """Samples of which each series and time has one; `conflicts` times had different values."""

    columns: SeriesColumns
    conflicts: int


EMPTY = SeriesColumns(
    series_ids=np.empty(0, np.int64),
    offsets=np.zeros(1, np.int64),
    timestamps_ms=np.empty(0, np.int64),
    values=np.empty(0, np.float64),
)


def arrange(
    series_ids: NDArray[np.int64],
    timestamps_ms: NDArray[np.int64],
    values: NDArray[np.float64],
) -> Merged:
    """Return samples that come in any order, series by series."""
    if not len(values):
        return Merged(EMPTY, 0)
    order, is_first = order_of(series_ids, timestamps_ms)
    starts = np.flatnonzero(is_first)
    bits = values[order].view(np.uint64)
    conflicts = 0
    if len(starts) < len(bits):
        largest = np.maximum.reduceat(bits, starts)
        conflicts = int(np.count_nonzero(np.minimum.reduceat(bits, starts) != largest))
        bits, order = largest, order[starts]
    kept_ids = series_ids[order]
    firsts = np.flatnonzero(np.append(True, kept_ids[1:] != kept_ids[:-1]))
    columns = SeriesColumns(
        series_ids=kept_ids[firsts],
        offsets=np.append(firsts, len(kept_ids)).astype(np.int64),
        timestamps_ms=timestamps_ms[order],
        values=bits.view(np.float64),
    )
    return Merged(columns, conflicts)


def order_of(
    series_ids: NDArray[np.int64], timestamps_ms: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the order by series and time, and which in it differ from the sample before."""
    least_id, least_time = int(series_ids.min()), int(timestamps_ms.min())
    span = int(timestamps_ms.max()) - least_time + 1
    is_first = np.ones(len(series_ids), dtype=bool)
    if (int(series_ids.max()) - least_id + 1) * span <= _MAX_KEY:
        # One key for both is several times as fast to sort as two.
        key = (series_ids - least_id) * span + (timestamps_ms - least_time)
        order = np.argsort(key)
        key = key[order]
        is_first[1:] = key[1:] != key[:-1]
    else:
        order = np.lexsort((timestamps_ms, series_ids))
        ids, times = series_ids[order], timestamps_ms[order]
        is_first[1:] = (ids[1:] != ids[:-1]) | (times[1:] != times[:-1])
    return order, is_first


def merge(parts: Sequence[SeriesColumns]) -> Merged:
    """Return the samples of all parts together."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return Merged(EMPTY, 0)
    if len(parts) == 1:
        return Merged(parts[0], 0)
    ids = np.concatenate([part.series_ids for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    times = np.concatenate([part.timestamps_ms for part in parts])
    values = np.concatenate([part.values for part in parts])
    starts = np.cumsum(counts) - counts

    # Parts mostly follow each other in time: then whole runs change place, and nothing is sorted.
    order = np.lexsort((times[starts], ids))
    ids, counts, starts = ids[order], counts[order], starts[order]
    is_new = np.append(True, ids[1:] != ids[:-1])
    oldest, newest = times[starts], times[starts + counts - 1]
    if np.any((oldest[1:] <= newest[:-1]) & ~is_new[1:]):
        return arrange(np.repeat(ids, counts), *_gather(times, values, starts, counts))
    moved_times, moved_values = _gather(times, values, starts, counts)
    ends = np.cumsum(counts)
    firsts = np.flatnonzero(is_new)
    return Merged(
        SeriesColumns(
            series_ids=ids[firsts],
            offsets=np.append((ends - counts)[firsts], ends[-1]),
            timestamps_ms=moved_times,
            values=moved_values,
        ),
        0,
    )


def restrict(columns: SeriesColumns, series_ids: NDArray[np.int64]) -> SeriesColumns:
    """Return the samples of some series (ascending ids)."""
    places = places_of(columns.series_ids, series_ids)
    return take(columns, places) if len(places) < len(columns.series_ids) else columns


def remove(
    columns: SeriesColumns, series_ids: NDArray[np.int64], start_ms: int, end_ms: int
) -> SeriesColumns:
    """Return the samples without those of some series (ascending ids) in a range that holds its ends."""
    is_touched = np.zeros(len(columns.series_ids), np.bool_)
    is_touched[places_of(columns.series_ids, series_ids)] = True
    times = columns.timestamps_ms
    stays = ~np.repeat(is_touched, columns.counts) | (times < start_ms) | (times > end_ms)
    return columns if stays.all() else where(columns, stays)


def where(columns: SeriesColumns, is_kept: NDArray[np.bool_]) -> SeriesColumns:
    """Return some of the samples, and of the series those that have any."""
    counts = np.add.reduceat(is_kept, columns.offsets[:-1], dtype=np.int64)
    has_samples = counts > 0
    return SeriesColumns(
        series_ids=columns.series_ids[has_samples],
        offsets=offsets_of(counts[has_samples]),
        timestamps_ms=columns.timestamps_ms[is_kept],
        values=columns.values[is_kept],
    )


def take(columns: SeriesColumns, places: NDArray[np.intp]) -> SeriesColumns:
    """Return the series at these ascending places."""
    if not len(places):
        return EMPTY
    counts = columns.counts[places]
    if places[-1] - places[0] + 1 == len(places):
        samples = slice(columns.offsets[places[0]], columns.offsets[places[-1] + 1])
        times, values = columns.timestamps_ms[samples], columns.values[samples]
    else:
        starts = columns.offsets[places]
        times, values = _gather(columns.timestamps_ms, columns.values, starts, counts)
    return SeriesColumns(
        series_ids=columns.series_ids[places],
        offsets=offsets_of(counts),
        timestamps_ms=times,
        values=values,
    )


def places_of(haystack: NDArray[np.int64], needles: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where in `haystack` the needles stand that it has; both ascending, so is the answer."""
    if not len(haystack):
        return np.empty(0, np.intp)
    at = np.searchsorted(haystack, needles)
    at = at[at < len(haystack)]
    found: NDArray[np.intp] = at[haystack[at] == needles[: len(at)]]
    return found


def places_and_rows(
    haystack: NDArray[np.int64], needles: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which needles `haystack` has, and where it has them; both ascending, so are the answers."""
    if not len(haystack):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    at = np.searchsorted(haystack, needles)
    at[at == len(haystack)] = 0
    places = np.flatnonzero(haystack[at] == needles)
    return places, at[places]


def are_among(needles: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say for each needle whether it is among ascending numbers."""
    if not len(ascending):
        return np.zeros(len(needles), np.bool_)
    at = np.searchsorted(ascending, needles)
    at[at == len(ascending)] = 0
    found: NDArray[np.bool_] = ascending[at] == needles
    return found


@njit(nogil=True, cache=True)
def _gather(times: Any, values: Any, starts: Any, counts: Any) -> Any:
    """Return the runs of samples that begin at `starts`, one after the other."""
    length = counts.sum()
    found_times, found_values = np.empty(length, np.int64), np.empty(length, np.float64)
    at = 0
    for run in range(len(starts)):
        for i in range(counts[run]):
            found_times[at + i] = times[starts[run] + i]
            found_values[at + i] = values[starts[run] + i]
        at += counts[run]
    return found_times, found_values
