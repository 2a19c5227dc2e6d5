"""Runs of samples put together: what several pages hold of some series, as one block.

A run is what one page holds of one series. Pages of different windows of time follow each other,
so that runs are only put behind each other; where they overlap, their samples are sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from observability.metrics.store.columns import EMPTY, SeriesColumns, arrange, take
from observability.promql.blocks import offsets_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs of samples within two arrays.

    Attributes:
        places: int64, for each run which of the wanted series it is of.
        first_times: int64, where in `timestamps_ms` each begins.
        first_values: int64, where in `values` each begins.
        counts: int64, its samples; one at least.
        timestamps_ms: int64, ascending within a run; several runs may share them.
        values: float64.
        is_strict: Whether no run has several samples of one time.
    """

    places: NDArray[np.int64]
    first_times: NDArray[np.int64]
    first_values: NDArray[np.int64]
    counts: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    is_strict: bool = True


def assemble(
    parts: Sequence[Runs], series_ids: NDArray[np.int64], start_ms: int, end_ms: int
) -> SeriesColumns:
    """Return the samples of some series (ascending ids) within a range that holds its ends."""
    if not parts:
        return EMPTY
    clipped = [
        _clip(part.first_times, part.counts, part.timestamps_ms, start_ms, end_ms) for part in parts
    ]
    places = np.concatenate([part.places for part in parts])
    counts = np.concatenate([clip[1] for clip in clipped])
    oldest_ms = np.concatenate([clip[2] for clip in clipped])
    order = np.lexsort((oldest_ms, places))
    starts = np.empty(len(order), np.int64)
    ends = np.cumsum(counts[order])
    starts[order] = ends - counts[order]
    times, values = np.empty(counts.sum(), np.int64), np.empty(counts.sum(), np.float64)
    first = 0
    for part, (skipped, kept, _, _) in zip(parts, clipped, strict=True):
        _copy(
            times,
            values,
            starts[first : first + len(kept)],
            part.first_times + skipped,
            part.first_values + skipped,
            kept,
            part.timestamps_ms,
            part.values,
        )
        first += len(kept)
    newest_ms = np.concatenate([clip[3] for clip in clipped])
    is_strict = all(part.is_strict for part in parts)
    if not is_strict or _overlap(places, counts, oldest_ms, newest_ms, order):
        ids = np.repeat(series_ids[places[order]], counts[order])
        return arrange(ids, times, values).columns
    of_series = np.bincount(places, weights=counts, minlength=len(series_ids)).astype(np.int64)
    has_samples = of_series > 0
    return SeriesColumns(
        series_ids=series_ids[has_samples],
        offsets=offsets_of(of_series[has_samples]),
        timestamps_ms=times,
        values=values,
    )


def warm_up() -> None:
    """Load the compiled code, or compile it when no earlier process has."""
    three = np.arange(3)
    part = Runs(
        places=three,
        first_times=three,
        first_values=three,
        counts=np.ones(3, np.int64),
        timestamps_ms=three,
        values=np.zeros(3),
    )
    # Series that do not stand side by side are gathered.
    take(assemble([part], three, 0, 3), np.array([0, 2]))


@njit(nogil=True, cache=True)
def _clip(first_times: Any, counts: Any, timestamps_ms: Any, start_ms: int, end_ms: int) -> Any:
    """Return for each run the samples before the range, those in it, and their first and last time."""
    skipped = np.zeros(len(counts), np.int64)
    kept = np.zeros(len(counts), np.int64)
    oldest_ms = np.zeros(len(counts), np.int64)
    newest_ms = np.zeros(len(counts), np.int64)
    for run in range(len(counts)):
        times = timestamps_ms[first_times[run] : first_times[run] + counts[run]]
        low = 0 if times[0] >= start_ms else int(np.searchsorted(times, start_ms))
        high = len(times)
        if times[-1] > end_ms:
            high = int(np.searchsorted(times, end_ms, side="right"))
        if high > low:
            skipped[run], kept[run] = low, high - low
            oldest_ms[run], newest_ms[run] = times[low], times[high - 1]
    return skipped, kept, oldest_ms, newest_ms


@njit(nogil=True, cache=True)
def _overlap(places: Any, counts: Any, oldest_ms: Any, newest_ms: Any, order: Any) -> bool:
    """Say whether any run begins before an older one of its series has ended."""
    before, reached_ms = -1, 0
    for run in order:
        if not counts[run]:
            continue
        if places[run] == before and oldest_ms[run] <= reached_ms:
            return True
        before, reached_ms = places[run], newest_ms[run]
    return False


@njit(nogil=True, cache=True)
def _copy(
    times: Any,
    values: Any,
    starts: Any,
    first_times: Any,
    first_values: Any,
    counts: Any,
    from_times: Any,
    from_values: Any,
) -> None:
    """Copy runs to where they start in two arrays."""
    for run in range(len(counts)):
        to, time, value = starts[run], first_times[run], first_values[run]
        for i in range(counts[run]):
            times[to + i] = from_times[time + i]
        for i in range(counts[run]):
            values[to + i] = from_values[value + i]
