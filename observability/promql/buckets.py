"""What the buckets of classic histograms say: quantiles and shares of the observations.

Source: Prometheus 3, promql/quantile.go (`BucketQuantile`, `BucketFraction`).
"""

from typing import Any

import numpy as np
from numba import njit

_TOLERANCE = 1e-12
"""Differences between neighbouring buckets, relative to their sum, that are only rounding."""
_SMALLEST_NORMAL = 2.2250738585072014e-308


@njit(nogil=True, cache=True, error_model="numpy")
def quantiles(qs: Any, values: Any, present: Any, rows: Any, starts: Any, bounds: Any) -> Any:
    """Return the quantile of each histogram at each step.

    Counts that fall from one bucket to the next are raised to the ones before; falls that are
    not just rounding are reported.

    Args:
        qs: The quantile asked for at each step.
        values: float64, buckets x steps: cumulative counts.
        present: bool, buckets x steps.
        rows: The buckets, those of a histogram behind each other by ascending bound.
        starts: Where in `rows` each histogram starts, and the last one ends.
        bounds: The upper bound of each place in `rows`.

    Returns:
        Values and presence, histograms x steps; then, of each raised histogram, the least and
        the greatest bound of the raised buckets, and the greatest fall, which is 0 elsewhere.
    """
    shape = (len(starts) - 1, len(qs))
    found, is_found = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    lowest, highest, falls = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for histogram in range(shape[0]):
        begin, end = starts[histogram], starts[histogram + 1]
        ups, counts = np.empty(end - begin), np.empty(end - begin)
        for step in range(shape[1]):
            size = _merged(values, present, rows, bounds, begin, end, step, ups, counts)
            if size == 0:
                continue
            is_found[histogram, step] = True
            q = qs[step]
            if np.isnan(q):
                found[histogram, step] = np.nan
            elif q < 0:
                found[histogram, step] = -np.inf
            elif q > 1:
                found[histogram, step] = np.inf
            elif ups[size - 1] != np.inf:
                found[histogram, step] = np.nan
            else:
                low, high, fall = _raise_falls(ups, counts, size)
                lowest[histogram, step] = low
                highest[histogram, step] = high
                falls[histogram, step] = fall
                found[histogram, step] = _interpolated(q, ups, counts, size)
    return found, is_found, lowest, highest, falls


@njit(nogil=True, cache=True, error_model="numpy")
def fractions(
    lowers: Any, uppers: Any, values: Any, present: Any, rows: Any, starts: Any, bounds: Any
) -> Any:
    """Return which share of each histogram's observations lies between two values at each step.

    The arguments are those of `quantiles`; returns values and presence, histograms x steps.
    """
    shape = (len(starts) - 1, len(lowers))
    found, is_found = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    for histogram in range(shape[0]):
        begin, end = starts[histogram], starts[histogram + 1]
        ups, counts = np.empty(end - begin), np.empty(end - begin)
        for step in range(shape[1]):
            size = _merged(values, present, rows, bounds, begin, end, step, ups, counts)
            if size == 0:
                continue
            is_found[histogram, step] = True
            lower, upper = lowers[step], uppers[step]
            total = counts[size - 1]
            if ups[size - 1] != np.inf or total == 0 or np.isnan(lower) or np.isnan(upper):
                found[histogram, step] = np.nan
            elif lower < upper:
                below_upper = min(_count_below(upper, ups, counts, size), total)
                below_lower = min(_count_below(lower, ups, counts, size), total)
                found[histogram, step] = (below_upper - below_lower) / total
    return found, is_found


@njit(nogil=True, cache=True, error_model="numpy")
def _merged(
    values: Any,
    present: Any,
    rows: Any,
    bounds: Any,
    begin: int,
    end: int,
    step: int,
    ups: Any,
    counts: Any,
) -> int:
    """Collect the buckets of a step, those of equal bounds made one; return how many there are."""
    size = 0
    for place in range(begin, end):
        row = rows[place]
        if not present[row, step]:
            continue
        if size > 0 and bounds[place] == ups[size - 1]:
            counts[size - 1] += values[row, step]
            continue
        ups[size] = bounds[place]
        counts[size] = values[row, step]
        size += 1
    return size


@njit(nogil=True, cache=True, error_model="numpy")
def _raise_falls(ups: Any, counts: Any, size: int) -> Any:
    """Make counts ascend; return the bounds between which they fell, and the greatest fall."""
    low, high, fall = np.inf, -np.inf, 0.0
    for i in range(1, size):
        before, count = counts[i - 1], counts[i]
        if count == before:
            continue
        if _is_rounding(before, count):
            counts[i] = before
        elif count < before:
            counts[i] = before
            low = min(low, ups[i])
            high = max(high, ups[i])
            fall = max(fall, before - count)
    return low, high, fall


@njit(nogil=True, cache=True, error_model="numpy")
def _is_rounding(a: float, b: float) -> bool:
    if np.isnan(a) or np.isnan(b):
        return bool(np.isnan(a) and np.isnan(b))
    size, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or size < _SMALLEST_NORMAL:
        return difference < _TOLERANCE * _SMALLEST_NORMAL
    return difference / size < _TOLERANCE


@njit(nogil=True, cache=True, error_model="numpy")
def _interpolated(q: float, ups: Any, counts: Any, size: int) -> float:
    total = counts[size - 1]
    if size < 2 or total == 0:
        return np.nan
    rank = q * total
    low, high = 0, size - 1
    while low < high:
        middle = (low + high) // 2
        if counts[middle] >= rank:
            high = middle
        else:
            low = middle + 1
    if low == size - 1:
        # There is no upper bound to interpolate to.
        return float(ups[size - 2])
    if low == 0 and ups[0] <= 0:
        return float(ups[0])
    start, before = 0.0, 0.0
    if low > 0:
        start, before = ups[low - 1], counts[low - 1]
    return float(start + (ups[low] - start) * ((rank - before) / (counts[low] - before)))


@njit(nogil=True, cache=True, error_model="numpy")
def _count_below(value: float, ups: Any, counts: Any, size: int) -> float:
    """Return how many observations are taken to be below a value."""
    before = 0.0
    lower = 0.0 if ups[0] > 0 else -np.inf
    for i in range(size):
        if lower >= value:
            return before
        if value < ups[i]:
            if lower == -np.inf:
                return float(counts[i])
            return float(before + (counts[i] - before) * (value - lower) / (ups[i] - lower))
        before, lower = counts[i], ups[i]
    return np.inf
