"""Sums that lose nothing to rounding: Kahan's, in Neumaier's form, as Prometheus sums."""

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def increment(total: float, compensation: float, value: float) -> tuple[float, float]:
    """Return a sum of single numbers with a value added, and what rounding took from it."""
    grown = total + value
    # Once infinite, a sum has no rounding error, only NaN from inf - inf.
    if np.isinf(grown):
        return grown, 0.0
    # Without asking which of the two is larger: a wrong guess of the processor costs more.
    back = grown - total
    return grown, compensation + ((total - (grown - back)) + (value - back))


@njit(nogil=True, cache=True)
def sum_runs(values: Any, starts: Any) -> Any:
    """Return the sum of each run of values; the runs begin at `starts`, ascending from 0."""
    sums = np.zeros(len(starts))
    for run in range(len(starts)):
        end = starts[run + 1] if run + 1 < len(starts) else len(values)
        total = lost = 0.0
        for i in range(starts[run], end):
            total, lost = increment(total, lost, values[i])
        sums[run] = total + lost
    return sums
