"""`rate`, `increase`, `delta`, `irate`, `idelta`: how fast something grows.

Source: Prometheus 3, promql/functions.go (`extrapolatedRate`, `instantValue`).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats, Ints, VectorBlock
from observability.promql.boundaries import edge_values, strictly_inside
from observability.promql.functions.signature import RollupKernel, VectorFunction, each_window
from observability.promql.labels import METRIC_NAME, label_value, quote
from observability.promql.operands import Operands
from observability.promql.rollups import RollupWindows
from observability.promql.storage import RollupColumn
from observability.promql.syntax import Call
from observability.promql.windows import WindowBlock

_NO_FALLS = np.empty(0, dtype=np.int64)
_COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")


def extrapolated_rate(
    window: WindowBlock, *, is_counter: bool, is_rate: bool
) -> tuple[Floats, Bools]:
    """Return how much each window's series grew over the whole window.

    What the samples show is stretched to the window's edges: all the way where the edge
    is at most 1.1 average sample distances away, else by half a distance; a counter
    is not stretched to before it would have been zero.

    Args:
        window: The windows; those with fewer than two samples give nothing.
        is_counter: Whether a fall is a restart at zero.
        is_rate: Whether to divide by the window's length.
    """
    falls = _falls(window.values) if is_counter else _NO_FALLS
    values, present = _extrapolated(
        window.timestamps_ms,
        window.values,
        window.first,
        window.last,
        falls,
        window.end_ms,
        window.range_ms,
        is_counter,
    )
    return values / (window.range_ms / 1000) if is_rate else values, present


def extrapolated_rate_of_rollups(
    windows: RollupWindows, *, is_counter: bool, is_rate: bool
) -> tuple[Floats, Bools]:
    """Return the same from rollups; what grew over a rounded window is scaled to the one asked for."""
    firsts, lasts = windows.of(RollupColumn.FIRST), windows.of(RollupColumn.LAST)
    first_value = firsts.gather(firsts.values, windows.first)
    growth = lasts.gather(lasts.values, windows.last - 1) - first_value
    if is_counter:
        growth = _add_back_resets_of_rollups(growth, windows)
    counts = windows.total(windows.counts)
    factor = _stretchings(
        counts,
        first_value,
        growth,
        _pick(windows.columns[RollupColumn.FIRST_MS], windows.first),
        _pick(windows.columns[RollupColumn.LAST_MS], windows.last - 1),
        windows.end_ms,
        windows.range_ms,
        is_counter,
    )
    factor = factor / (windows.range_ms / (1000 if is_rate else windows.asked_range_ms))
    return growth * factor, counts >= 2


def bounded_growth(window: WindowBlock, *, is_counter: bool, is_rate: bool) -> tuple[Floats, Bools]:
    """Return how much the series grew between the edges of windows whose edges have values.

    Args:
        window: Anchored or smoothed windows.
        is_counter: Whether a fall is a restart at zero.
        is_rate: Whether to divide by the window's length.
    """
    left, right = edge_values(window, is_counter=is_counter)
    growth = right - left
    if is_counter:
        first, last = strictly_inside(window)
        has_inside = last > first
        oldest = np.where(has_inside, window.gather(window.values, first), right)
        newest = np.where(has_inside, window.gather(window.values, last - 1), left)
        growth = growth + np.where(oldest < left, left, 0.0)
        growth = growth + np.where(has_inside & (right < newest), newest, 0.0)
        growth = _add_back_resets(growth, window.values, first, last)
    if is_rate:
        growth = growth / (window.range_ms / 1000)
    return growth, window.has_samples


def instant_change(window: WindowBlock, *, is_rate: bool) -> tuple[Floats, Bools]:
    """Return the change between the last two samples of each window.

    Args:
        window: The windows; those with fewer than two samples give nothing.
        is_rate: Whether the series is a counter and the change is given per second.
    """
    last = window.gather(window.values, window.last - 1)
    before = window.gather(window.values, window.last - 2)
    change = last - before
    if is_rate:
        change = np.where(last < before, last, change)
        elapsed_ms = window.gather_times(window.last - 1) - window.gather_times(window.last - 2)
        change = change / (elapsed_ms / 1000)
    return change, window.counts >= 2


@njit(nogil=True, cache=True)
def _falls(values: Any) -> Any:
    """Return where a value is less than the one before it."""
    count = 0
    for i in range(1, len(values)):
        count += values[i] < values[i - 1]
    found = np.empty(count, dtype=np.int64)
    count = 0
    for i in range(1, len(values)):
        if values[i] < values[i - 1]:
            found[count] = i
            count += 1
    return found


@njit(nogil=True, cache=True, error_model="numpy")
def _extrapolated(
    times_ms: Any,
    values: Any,
    first: Any,
    last: Any,
    falls: Any,
    end_ms: Any,
    range_ms: int,
    is_counter: bool,
) -> Any:
    """Return the growth of each window and whether there is one, series x steps.

    Args:
        times_ms: int64, of all samples.
        values: float64, likewise.
        first: As in `WindowBlock`.
        last: As in `WindowBlock`.
        falls: Where the counters restarted, ascending; empty for gauges.
        end_ms: As in `WindowBlock`.
        range_ms: As in `WindowBlock`.
        is_counter: Whether the series are counters.
    """
    found = np.zeros(first.shape)
    present = np.zeros(first.shape, dtype=np.bool_)
    for series in range(first.shape[0]):
        fall = 0
        for step in range(first.shape[1]):
            begin, end = first[series, step], last[series, step]
            if end - begin < 2:
                continue
            first_value = values[begin]
            growth = values[end - 1] - first_value
            if len(falls):
                # A fall at a series' first sample, from another series' last, is in no window's inside.
                while fall > 0 and falls[fall - 1] > begin:
                    fall -= 1
                while fall < len(falls) and falls[fall] <= begin:
                    fall += 1
                for nth in range(fall, len(falls)):
                    if falls[nth] >= end:
                        break
                    growth += values[falls[nth] - 1]
            found[series, step] = growth * _stretching(
                end - begin,
                first_value,
                growth,
                times_ms[begin],
                times_ms[end - 1],
                end_ms[step],
                range_ms,
                is_counter,
            )
            present[series, step] = True
    return found, present


@njit(nogil=True, cache=True, error_model="numpy")
def _stretching(
    count: float,
    first_value: float,
    growth: float,
    first_ms: int,
    last_ms: int,
    end_ms: int,
    range_ms: int,
    is_counter: bool,
) -> float:
    """Return how many times what the samples show is what the whole window is taken to hold."""
    to_start = (first_ms - (end_ms - range_ms)) / 1000
    to_end = (end_ms - last_ms) / 1000
    sampled = (last_ms - first_ms) / 1000
    average = sampled / (count - 1)
    threshold = average * 1.1
    if to_start >= threshold:
        to_start = average / 2
    if is_counter and growth > 0 and first_value >= 0:
        to_zero = sampled * (first_value / growth)
        to_start = min(to_start, to_zero)
    if to_end >= threshold:
        to_end = average / 2
    return (sampled + to_start + to_end) / sampled


@njit(nogil=True, cache=True, error_model="numpy")
def _stretchings(
    counts: Any,
    first_values: Any,
    growths: Any,
    first_ms: Any,
    last_ms: Any,
    end_ms: Any,
    range_ms: Any,
    is_counter: bool,
) -> Any:
    """Return the same for each series and step; meaningless where there are not two samples."""
    found = np.zeros(counts.shape)
    for series in range(counts.shape[0]):
        for step in range(counts.shape[1]):
            if counts[series, step] >= 2:
                found[series, step] = _stretching(
                    counts[series, step],
                    first_values[series, step],
                    growths[series, step],
                    first_ms[series, step],
                    last_ms[series, step],
                    end_ms[step],
                    range_ms[step],
                    is_counter,
                )
    return found


def _add_back_resets(growth: Floats, values: Floats, first: Ints, last: Ints) -> Floats:
    """Return `growth` with what the counter had reached before each restart in `[first, last)` added."""
    falls = np.flatnonzero(values[1:] < values[:-1]) + 1
    # A fall at a series' first sample, from another series' last, lies in no window's inside.
    return _add_back(growth, falls, values[falls - 1], first + 1, last)


def _add_back_resets_of_rollups(growth: Floats, windows: RollupWindows) -> Floats:
    """Return the same from rollups: restarts inside of buckets, and from one bucket to the next."""
    first, last, lost = (
        windows.columns[name] for name in (RollupColumn.FIRST, RollupColumn.LAST, RollupColumn.LOST)
    )
    inside = np.flatnonzero(lost)
    growth = _add_back(growth, inside, lost[inside], windows.first, windows.last)
    between = np.flatnonzero(first[1:] < last[:-1]) + 1
    return _add_back(growth, between, last[between - 1], windows.first + 1, windows.last)


def _add_back(growth: Floats, places: Ints, lost: Floats, first: Ints, last: Ints) -> Floats:
    """Return `growth` with what was lost at those of the few places that lie in `[first, last)`."""
    begin = np.searchsorted(places, first, side="left")
    end = np.searchsorted(places, last, side="left")
    for nth in range(int((end - begin).max(initial=0))):
        index = begin + nth
        here = lost[np.minimum(index, len(lost) - 1)]
        growth = growth + np.where(index < end, here, 0.0)
    return growth


def _pick(flat: Ints, index: Ints) -> Ints:
    if not flat.size:
        return np.zeros(index.shape, dtype=np.int64)
    return flat[np.clip(index, 0, flat.size - 1)]


def _of_counter(kernel: VectorFunction) -> VectorFunction:
    """Return the function with an info where a metric's name is not a counter's."""

    def apply(call: Call, operands: Operands) -> Iterator[VectorBlock]:
        for block in kernel(call, operands):
            is_shown = block.present.any(axis=1)
            for row in np.flatnonzero(is_shown).tolist():
                labels = block.label_sets[row]
                name = label_value(labels, METRIC_NAME)
                if name and not name.endswith(_COUNTER_SUFFIXES):
                    operands.context.annotations.inform(
                        "metric might not be a counter, name does not end in "
                        f"_total/_sum/_count/_bucket: {quote(name)}",
                        call.args[0].span,
                    )
            yield block

    return apply


def _growth(window: WindowBlock, *, is_counter: bool, is_rate: bool) -> tuple[Floats, Bools]:
    grow = extrapolated_rate if window.boundary is None else bounded_growth
    return grow(window, is_counter=is_counter, is_rate=is_rate)


def _rate(window: WindowBlock) -> tuple[Floats, Bools]:
    return _growth(window, is_counter=True, is_rate=True)


def _increase(window: WindowBlock) -> tuple[Floats, Bools]:
    return _growth(window, is_counter=True, is_rate=False)


def _delta(window: WindowBlock) -> tuple[Floats, Bools]:
    return _growth(window, is_counter=False, is_rate=False)


def _irate(window: WindowBlock) -> tuple[Floats, Bools]:
    return instant_change(window, is_rate=True)


def _idelta(window: WindowBlock) -> tuple[Floats, Bools]:
    return instant_change(window, is_rate=False)


def _rate_of_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    return extrapolated_rate_of_rollups(windows, is_counter=True, is_rate=True)


def _increase_of_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    return extrapolated_rate_of_rollups(windows, is_counter=True, is_rate=False)


def _delta_of_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    return extrapolated_rate_of_rollups(windows, is_counter=False, is_rate=False)


_ENDS = frozenset(
    {RollupColumn.FIRST, RollupColumn.LAST, RollupColumn.FIRST_MS, RollupColumn.LAST_MS}
)
_ENDS_OF_COUNTER = _ENDS | {RollupColumn.LOST}

FUNCTIONS: dict[str, VectorFunction] = {
    "rate": _of_counter(
        each_window(_rate, rollups=RollupKernel(_ENDS_OF_COUNTER, _rate_of_rollups))
    ),
    "increase": _of_counter(
        each_window(_increase, rollups=RollupKernel(_ENDS_OF_COUNTER, _increase_of_rollups))
    ),
    "delta": each_window(_delta, rollups=RollupKernel(_ENDS, _delta_of_rollups)),
    "irate": each_window(_irate),
    "idelta": each_window(_idelta),
}
