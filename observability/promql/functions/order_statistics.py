"""`quantile_over_time` and `mad_over_time`: what the samples of a window are when sorted."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats, VectorBlock
from observability.promql.functions.signature import VectorFunction, each_window
from observability.promql.operands import Operands
from observability.promql.quantile import quantile_of, quantile_of_sorted, warn_of_invalid_quantile
from observability.promql.syntax import Call
from observability.promql.windows import WindowBlock, longest_run

# A window that shares less than all but one in so many with the one before is sorted anew.
_MOVES = 3


def quantile_over_time(window: WindowBlock, qs: Floats) -> tuple[Floats, Bools]:
    """Return the quantile of each window, of a rank that may change from step to step."""
    return _quantiles(window.values, window.first, window.last, qs), window.has_samples


def mad_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the median absolute deviation of each window; NaN where a sample is NaN."""
    return _median_deviations(window.values, window.first, window.last), window.has_samples


def _quantile_over_time(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    qs = operands.scalar(call.args[0])
    is_used = np.zeros(len(qs), dtype=np.bool_)
    for block in _quantile_windows(call, operands):
        is_used |= block.present.any(axis=0)
        yield block
    for q in np.unique(qs[is_used]).tolist():
        warn_of_invalid_quantile(q, call.args[0].span, operands.context.annotations)


_quantile_windows = each_window(quantile_over_time, window_argument=1)


@njit(nogil=True, cache=True)
def _quantiles(values: Any, first: Any, last: Any, qs: Any) -> Any:
    """Return the quantile of each window; the samples stay sorted from one window to the next."""
    found = np.zeros(first.shape)
    series_count, step_count = first.shape
    ordered = np.empty(longest_run(first, last))
    for series in range(series_count):
        begin = end = count = nan_count = 0
        for step in range(step_count):
            window_begin, window_end = first[series, step], last[series, step]
            moved = window_begin - begin + window_end - end
            is_next = begin <= window_begin < end <= window_end
            if is_next and moved * _MOVES <= window_end - window_begin:
                old, new = begin, end
                while old < window_begin or new < window_end:
                    if old < window_begin and np.isnan(values[old]):
                        nan_count -= 1
                        old += 1
                    elif new < window_end and np.isnan(values[new]):
                        nan_count += 1
                        new += 1
                    elif old < window_begin and new < window_end:
                        _put_in(ordered, _place(ordered, count, values[old]), count, values[new])
                        old += 1
                        new += 1
                    elif old < window_begin:
                        place = _place(ordered, count, values[old])
                        count -= 1
                        for i in range(place, count):
                            ordered[i] = ordered[i + 1]
                        old += 1
                    else:
                        count += 1
                        _put_in(ordered, count - 1, count, values[new])
                        new += 1
            else:
                count = nan_count = 0
                for i in range(window_begin, window_end):
                    if np.isnan(values[i]):
                        nan_count += 1
                    else:
                        ordered[count] = values[i]
                        count += 1
                ordered[:count].sort()
            begin, end = window_begin, window_end
            found[series, step] = quantile_of_sorted(qs[step], ordered, count, nan_count)
    return found


@njit(nogil=True, cache=True)
def _place(ordered: Any, count: int, value: float) -> int:
    """Return where the value stands among the first `count`, which ascend."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True)
def _put_in(ordered: Any, place: int, count: int, value: float) -> None:
    """Put a value into its order among `count`, instead of what stands at a place."""
    wanted = _place(ordered, place, value)
    if wanted < place:
        for i in range(place, wanted, -1):
            ordered[i] = ordered[i - 1]
        place = wanted
    else:
        after = place + 1
        wanted = place + _place(ordered[after:], count - after, value)
        for i in range(place, wanted):
            ordered[i] = ordered[i + 1]
        place = wanted
    ordered[place] = value


@njit(nogil=True, cache=True)
def _median_deviations(values: Any, first: Any, last: Any) -> Any:
    found = np.zeros(first.shape)
    series_count, step_count = first.shape
    buffer = np.empty(longest_run(first, last))
    for series in range(series_count):
        for step in range(step_count):
            begin, end = first[series, step], last[series, step]
            count = end - begin
            buffer[:count] = values[begin:end]
            if np.isnan(buffer[:count]).any():
                found[series, step] = np.nan
                continue
            median = quantile_of(0.5, buffer, count)
            buffer[:count] = np.abs(buffer[:count] - median)
            found[series, step] = quantile_of(0.5, buffer, count)
    return found


FUNCTIONS: dict[str, VectorFunction] = {
    "quantile_over_time": _quantile_over_time,
    "mad_over_time": each_window(mad_over_time),
}
