"""The quantile of some values, interpolated between the two nearest of them."""

from typing import Any

import numpy as np
from numba import njit

from observability.promql.annotations import Annotations
from observability.promql.go_floats import shortest
from observability.promql.syntax import Span


@njit(nogil=True, cache=True)
def quantile_of(q: float, values: Any, count: int) -> float:
    """Return the quantile of the first `count` values, which are sorted for it.

    NaN counts as less than all else. NaN for no values, -Inf for a `q` below 0, +Inf above 1.
    """
    values[:count].sort()
    nan_count = 0
    while nan_count < count and np.isnan(values[count - 1 - nan_count]):
        nan_count += 1
    return quantile_of_sorted(q, values, count - nan_count, nan_count)


@njit(nogil=True, cache=True)
def quantile_of_sorted(q: float, values: Any, number_count: int, nan_count: int) -> float:
    """Return the same of the first `number_count` values, which ascend, and so many times NaN."""
    count = number_count + nan_count
    if count == 0 or np.isnan(q):
        return np.nan
    if q < 0:
        return -np.inf
    if q > 1:
        return np.inf
    rank = q * (count - 1)
    lower = int(np.floor(rank))
    upper = min(lower + 1, count - 1)
    if lower < nan_count:
        return np.nan
    weight = rank - np.floor(rank)
    below = values[lower - nan_count]
    above = values[upper - nan_count]
    return float(below * (1.0 - weight) + above * weight)


def warn_of_invalid_quantile(q: float, span: Span, annotations: Annotations) -> None:
    """Warn when `q` is not between 0 and 1."""
    if not 0 <= q <= 1:
        annotations.warn(f"quantile value should be between 0 and 1, got {shortest(q)}", span)
