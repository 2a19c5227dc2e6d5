"""Sums over windows that slide: a sample is added once and taken away once.

What a window of many samples shares with the one before is not summed again. So that nothing
is lost to rounding on the way, a sum is kept as two numbers with 106 bits together; where values
of very different sizes meet, the window is summed anew.

Source: T. J. Dekker, "A floating-point technique for extending the available precision" (1971).
"""

from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Floats
from observability.promql.summation import increment
from observability.promql.windows import WindowBlock

# A sum that is so much smaller than the largest value may have lost bits that matter.
_SMALL = 2.0**-24
# From so many samples of windows for each sample on, it pays to slide.
_SHARED = 3


def window_sums(window: WindowBlock) -> tuple[Floats, Floats]:
    """Return the sum of each window and what rounding took from it, each series x steps."""
    is_sliding = int(window.counts.sum()) > _SHARED * len(window.values)
    sums = _sliding_sums if is_sliding else _direct_sums
    total, compensation = sums(window.values, window.first, window.last)
    return total, compensation


@njit(nogil=True, cache=True)
def _sum_of(values: Any, begin: int, end: int) -> tuple[float, float]:
    total = lost = 0.0
    for i in range(begin, end):
        total, lost = increment(total, lost, values[i])
    return total, lost


@njit(nogil=True, cache=True)
def _direct_sums(values: Any, first: Any, last: Any) -> Any:
    totals, compensations = np.zeros(first.shape), np.zeros(first.shape)
    for series in range(first.shape[0]):
        for step in range(first.shape[1]):
            totals[series, step], compensations[series, step] = _sum_of(
                values, first[series, step], last[series, step]
            )
    return totals, compensations


@njit(nogil=True, cache=True)
def _plus(total: float, rest: float, value: float) -> tuple[float, float]:
    """Return the sum of a number in two parts and a value, in two parts."""
    grown = total + value
    back = grown - total
    rest += (total - (grown - back)) + (value - back)
    high = grown + rest
    return high, rest - (high - grown)


@njit(nogil=True, cache=True)
def _sliding_sums(values: Any, first: Any, last: Any) -> Any:
    totals, compensations = np.zeros(first.shape), np.zeros(first.shape)
    for series in range(first.shape[0]):
        begin = end = first[series, 0]
        total = rest = largest = 0.0
        for step in range(first.shape[1]):
            window_begin, window_end = first[series, step], last[series, step]
            if window_begin == window_end:
                continue
            if window_begin < begin or window_end < end or window_begin >= end:
                begin = end = window_begin
                total = rest = largest = 0.0
            for i in range(end, window_end):
                total, rest = _plus(total, rest, values[i])
                largest = max(largest, abs(values[i]))
            for i in range(begin, window_begin):
                total, rest = _plus(total, rest, -values[i])
            begin, end = window_begin, window_end
            # Not true of NaN either, nor where anything infinite went in.
            if not (abs(total) >= largest * _SMALL and abs(total) < np.inf and largest < np.inf):
                total, rest = _sum_of(values, begin, end)
                totals[series, step], compensations[series, step] = total, rest
                largest = 0.0
                for i in range(begin, end):
                    largest = max(largest, abs(values[i]))
                    if np.isnan(values[i]):
                        largest = np.inf
                continue
            totals[series, step], compensations[series, step] = total, rest
    return totals, compensations
