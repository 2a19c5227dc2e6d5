"""Sums that lose nothing to rounding: Kahan's, in Neumaier's form, as Prometheus sums."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from observability.promql.blocks import Floats


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum and what rounding took from it."""

    total: Floats
    compensation: Floats

    def add(self, values: Floats, compensation: Floats | float = 0.0) -> "Sum":
        """Return the sum with `values` added, which may bring a compensation of their own."""
        total = self.total + values
        back = total - self.total
        lost = (self.total - (total - back)) + (values - back)
        # Once infinite, a sum has no rounding error, only NaN from inf - inf.
        carried = np.where(np.isinf(total), 0.0, self.compensation + lost + compensation)
        return Sum(total, carried)

    @property
    def value(self) -> Floats:
        """The sum, with the lost part put back."""
        return self.total + self.compensation


@njit(nogil=True, cache=True)
def increment(total: float, compensation: float, value: float) -> tuple[float, float]:
    """Return a sum of single numbers with a value added, and what rounding took from it."""
    grown = total + value
    if np.isinf(grown):
        return grown, 0.0
    if abs(total) >= abs(value):
        return grown, compensation + ((total - grown) + value)
    return grown, compensation + ((value - grown) + total)


def zero_sum(shape: tuple[int, ...]) -> Sum:
    """Return the sum of nothing."""
    return Sum(np.zeros(shape), np.zeros(shape))


def sum_segments(values: Floats, starts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Sum:
    """Return the sum of each run of rows.

    Neighbours are added in pairs, then the pairs, so the number of NumPy calls grows
    with the logarithm of the longest run.

    Args:
        values: float64, rows x steps.
        starts: Index of each run's first row, ascending from 0; no run is empty.

    Returns:
        One row a run.
    """
    lengths = np.diff(np.append(starts, len(values)))
    rank = np.arange(len(values)) - np.repeat(starts, lengths)
    sums = Sum(values, np.zeros(values.shape))
    while rank.any():
        is_second = rank % 2 == 1
        second = np.flatnonzero(is_second)
        pair = Sum(sums.total[second - 1], sums.compensation[second - 1]).add(
            sums.total[second], sums.compensation[second]
        )
        total, compensation = sums.total.copy(), sums.compensation.copy()
        total[second - 1], compensation[second - 1] = pair.total, pair.compensation
        sums = Sum(total[~is_second], compensation[~is_second])
        rank = rank[~is_second] // 2
    return sums
