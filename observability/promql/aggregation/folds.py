"""How the values of a group become one: `sum`, `avg`, `min`, `max`, `count`, `group`, deviations.

A fold takes blocks of series in turn and keeps what it needs as groups x steps.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats, Ints
from observability.promql.summation import increment
from observability.promql.syntax import AggregationOp

_SCALE = 2.0**-64


class Fold(Protocol):
    """Takes blocks of an aggregation's input in turn, and knows each group's value at the end."""

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""

    def add(self, groups: Ints, values: Floats, present: Bools) -> None:
        """Take the series of one block: the group of each, and values and presence, series x steps."""

    def result(self, counts: Floats) -> Floats:
        """Return the values, groups x steps; meaningless where a group had no value.

        Args:
            counts: How many values each group had at each step.
        """
        ...


class Grid:
    """An array of groups x steps that grows by doubling."""

    def __init__(self, step_count: int, fill: float = 0.0) -> None:
        self._fill = fill
        self._data = np.full((0, step_count), fill)
        self._count = 0

    def grow(self, count: int) -> None:
        """Make room for groups up to this number."""
        if count > len(self._data):
            larger = np.full((max(count, 2 * len(self._data)), self._data.shape[1]), self._fill)
            larger[: self._count] = self._data[: self._count]
            self._data = larger
        self._count = max(self._count, count)

    @property
    def rows(self) -> Floats:
        """The groups that there is room for."""
        return self._data[: self._count]


class CountFold:
    """`count`: how many series have a value."""

    def __init__(self, step_count: int) -> None:
        pass

    def grow(self, group_count: int) -> None:
        """Do nothing: the values are counted for every fold."""

    def add(self, groups: Ints, values: Floats, present: Bools) -> None:
        """Do nothing, likewise."""

    def result(self, counts: Floats) -> Floats:
        """Return the values, groups x steps."""
        return counts


class GroupFold(CountFold):
    """`group`: 1 for each group that has a value."""

    def result(self, counts: Floats) -> Floats:
        """Return the values, groups x steps."""
        return np.ones_like(counts)


class SumFold:
    """`sum`: compensated, so that next to nothing is lost to rounding."""

    def __init__(self, step_count: int) -> None:
        self._total = Grid(step_count)
        self._compensation = Grid(step_count)

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        self._total.grow(group_count)
        self._compensation.grow(group_count)

    def add(self, groups: Ints, values: Floats, present: Bools) -> None:
        """Take the series of one block."""
        _add_up(self._total.rows, self._compensation.rows, groups, values, present)

    def result(self, counts: Floats) -> Floats:
        """Return the values, groups x steps."""
        return self._total.rows + self._compensation.rows


class AverageFold:
    """`avg`: compensated sum over count, on a smaller scale where the sum would overflow."""

    def __init__(self, step_count: int) -> None:
        self._total = Grid(step_count)
        self._compensation = Grid(step_count)
        self._scale = Grid(step_count, 1.0)

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        for grid in (self._total, self._compensation, self._scale):
            grid.grow(group_count)

    def add(self, groups: Ints, values: Floats, present: Bools) -> None:
        """Take the series of one block."""
        total, compensation = self._total.rows, self._compensation.rows
        _add_up_scaled(total, compensation, self._scale.rows, groups, values, present)

    def result(self, counts: Floats) -> Floats:
        """Return the values, groups x steps."""
        mean = self._total.rows / counts + self._compensation.rows / counts
        return np.asarray(mean / self._scale.rows, dtype=np.float64)


class ExtremeFold:
    """`min` or `max`: NaN only where there is nothing else."""

    def __init__(self, step_count: int, *, is_max: bool) -> None:
        self._is_max = is_max
        self._extreme = Grid(step_count, np.nan)

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        self._extreme.grow(group_count)

    def add(self, groups: Ints, values: Floats, present: Bools) -> None:
        """Take the series of one block."""
        _keep_extreme(self._extreme.rows, groups, values, present, self._is_max)

    def result(self, counts: Floats) -> Floats:
        """Return the values, groups x steps."""
        return self._extreme.rows


class DeviationFold:
    """`stdvar`, or `stddev` as its root: mean and squared deviations, kept value by value.

    Source: B. P. Welford, "Note on a method for calculating corrected sums of squares and
    products" (1962).
    """

    def __init__(self, step_count: int, *, is_root: bool) -> None:
        self._is_root = is_root
        self._count = Grid(step_count)
        self._mean = Grid(step_count)
        self._squares = Grid(step_count)

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        for grid in (self._count, self._mean, self._squares):
            grid.grow(group_count)

    def add(self, groups: Ints, values: Floats, present: Bools) -> None:
        """Take the series of one block."""
        _deviate(self._count.rows, self._mean.rows, self._squares.rows, groups, values, present)

    def result(self, counts: Floats) -> Floats:
        """Return the values, groups x steps."""
        variance = self._squares.rows / counts
        return np.sqrt(variance) if self._is_root else variance


FOLDS: dict[AggregationOp, Callable[[int], Fold]] = {
    AggregationOp.SUM: SumFold,
    AggregationOp.AVG: AverageFold,
    AggregationOp.MIN: lambda steps: ExtremeFold(steps, is_max=False),
    AggregationOp.MAX: lambda steps: ExtremeFold(steps, is_max=True),
    AggregationOp.COUNT: CountFold,
    AggregationOp.GROUP: GroupFold,
    AggregationOp.STDDEV: lambda steps: DeviationFold(steps, is_root=True),
    AggregationOp.STDVAR: lambda steps: DeviationFold(steps, is_root=False),
}
"""Makes the fold of an operator for a number of steps."""


@njit(nogil=True, cache=True)
def count_up(counts: Any, groups: Any, present: Any) -> None:
    """Add the series of a block to the number of values of each group and step."""
    for row in range(present.shape[0]):
        group = groups[row]
        for step in range(present.shape[1]):
            counts[group, step] += present[row, step]


@njit(nogil=True, cache=True)
def _add_up(total: Any, compensation: Any, groups: Any, values: Any, present: Any) -> None:
    for row in range(present.shape[0]):
        group = groups[row]
        for step in range(present.shape[1]):
            if present[row, step]:
                total[group, step], compensation[group, step] = increment(
                    total[group, step], compensation[group, step], values[row, step]
                )


@njit(nogil=True, cache=True)
def _add_up_scaled(
    total: Any, compensation: Any, scale: Any, groups: Any, values: Any, present: Any
) -> None:
    for row in range(present.shape[0]):
        group = groups[row]
        for step in range(present.shape[1]):
            if not present[row, step]:
                continue
            value = values[row, step]
            before, lost = total[group, step], compensation[group, step]
            grown, grown_lost = increment(before, lost, value * scale[group, step])
            if np.isinf(grown) and not np.isinf(before) and not np.isinf(value):
                # A power of two, so that nothing but the overflow goes away.
                scale[group, step] *= _SCALE
                grown, grown_lost = increment(
                    before * _SCALE, lost * _SCALE, value * scale[group, step]
                )
            total[group, step], compensation[group, step] = grown, grown_lost


@njit(nogil=True, cache=True)
def _keep_extreme(extreme: Any, groups: Any, values: Any, present: Any, is_max: bool) -> None:
    for row in range(present.shape[0]):
        group = groups[row]
        for step in range(present.shape[1]):
            if not present[row, step]:
                continue
            value, kept = values[row, step], extreme[group, step]
            if np.isnan(kept) or (value > kept if is_max else value < kept):
                extreme[group, step] = value


@njit(nogil=True, cache=True, error_model="numpy")
def _deviate(counts: Any, means: Any, squares: Any, groups: Any, values: Any, present: Any) -> None:
    for row in range(present.shape[0]):
        group = groups[row]
        for step in range(present.shape[1]):
            if not present[row, step]:
                continue
            value = values[row, step]
            counts[group, step] += 1
            deviation = value - means[group, step]
            means[group, step] += deviation / counts[group, step]
            squares[group, step] += deviation * (value - means[group, step])
