"""How the values of a group become one: `sum`, `avg`, `min`, `max`, `count`, `group`, deviations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from observability.promql.blocks import Bools, Floats, Ints
from observability.promql.summation import Sum, sum_segments
from observability.promql.syntax import AggregationOp


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Rows of a block, sorted so that those of one group stand together.

    Attributes:
        groups: The number of each group that has rows, each once.
        starts: Index of its first row.
        values: float64, rows x steps.
        present: bool, rows x steps.
    """

    groups: Ints
    starts: Ints
    values: Floats
    present: Bools

    def counts(self) -> Ints:
        """Return how many values each group has at each step."""
        return np.add.reduceat(self.present.astype(np.int64), self.starts, axis=0)

    def sums(self, values: Floats) -> Sum:
        """Return the sum over each group of `values`, taken where rows are present."""
        return sum_segments(np.where(self.present, values, 0.0), self.starts)


def segment(groups: Ints, values: Floats, present: Bools) -> Segments:
    """Return the rows of a block sorted by group."""
    order = np.argsort(groups, kind="stable")
    numbers, starts = np.unique(groups[order], return_index=True)
    return Segments(groups=numbers, starts=starts, values=values[order], present=present[order])


class Fold(Protocol):
    """Takes blocks of an aggregation's input in turn, and knows each group's value at the end."""

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""

    def add(self, rows: Segments) -> None:
        """Take the rows of one block."""

    def result(self) -> Floats:
        """Return the values, groups x steps; meaningless where a group had no value."""
        ...


class _Grid:
    """An array of groups x steps that grows by doubling."""

    def __init__(self, step_count: int, fill: float) -> None:
        self._fill = fill
        self._data = np.full((0, step_count), fill)
        self._count = 0

    def grow(self, count: int) -> None:
        if count > len(self._data):
            larger = np.full((max(count, 2 * len(self._data)), self._data.shape[1]), self._fill)
            larger[: self._count] = self._data[: self._count]
            self._data = larger
        self._count = max(self._count, count)

    @property
    def rows(self) -> Floats:
        return self._data[: self._count]


class SumFold:
    """`sum`: compensated, so that rounding does not depend on the order of series."""

    def __init__(self, step_count: int) -> None:
        self._total = _Grid(step_count, 0.0)
        self._compensation = _Grid(step_count, 0.0)

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        self._total.grow(group_count)
        self._compensation.grow(group_count)

    def add(self, rows: Segments) -> None:
        """Take the rows of one block."""
        self.add_sum(rows.groups, rows.sums(rows.values))

    def add_sum(self, groups: Ints, part: Sum) -> None:
        """Take a sum already made over the rows of each group."""
        total, compensation = self._total.rows, self._compensation.rows
        grown = Sum(total[groups], compensation[groups]).add(part.total, part.compensation)
        total[groups], compensation[groups] = grown.total, grown.compensation

    def scale(self, factor: float) -> None:
        """Multiply all sums by a power of two."""
        self._total.rows[:] *= factor
        self._compensation.rows[:] *= factor

    def result(self) -> Floats:
        """Return the values, groups x steps."""
        return self._total.rows + self._compensation.rows

    def mean(self, counts: Floats) -> Floats:
        """Return the sums divided by `counts`, rounded as Prometheus does it."""
        return self._total.rows / counts + self._compensation.rows / counts


class CountFold:
    """`count`: how many series have a value."""

    def __init__(self, step_count: int) -> None:
        self._count = _Grid(step_count, 0.0)

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        self._count.grow(group_count)

    def add(self, rows: Segments) -> None:
        """Take the rows of one block."""
        self._count.rows[rows.groups] += rows.counts()

    def result(self) -> Floats:
        """Return the values, groups x steps."""
        return self._count.rows


class GroupFold(CountFold):
    """`group`: 1 for each group that has a value."""

    def result(self) -> Floats:
        """Return the values, groups x steps."""
        return np.ones_like(self._count.rows)


class AverageFold:
    """`avg`: compensated sum over count, on a smaller scale where the sum would overflow."""

    _LARGE = 2.0**960
    _SCALE = 2.0**-64

    def __init__(self, step_count: int) -> None:
        self._sum = SumFold(step_count)
        self._count = CountFold(step_count)
        self._factor = 1.0

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        self._sum.grow(group_count)
        self._count.grow(group_count)

    def add(self, rows: Segments) -> None:
        """Take the rows of one block."""
        self._count.add(rows)
        if self._factor == 1.0 and self._is_large(rows):
            # Scaling by a power of two is exact, so only the overflow goes away.
            self._factor = self._SCALE
            self._sum.scale(self._factor)
        self._sum.add_sum(rows.groups, rows.sums(rows.values * self._factor))

    def _is_large(self, rows: Segments) -> bool:
        sizes = np.abs(rows.values)
        return bool((rows.present & (sizes > self._LARGE) & np.isfinite(sizes)).any())

    def result(self) -> Floats:
        """Return the values, groups x steps."""
        return self._sum.mean(self._count.result()) / self._factor


class ExtremeFold:
    """`min` or `max`: NaN only where there is nothing else."""

    def __init__(self, step_count: int, choose: np.ufunc) -> None:
        self._choose = choose
        self._extreme = _Grid(step_count, np.nan)

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        self._extreme.grow(group_count)

    def add(self, rows: Segments) -> None:
        """Take the rows of one block."""
        values = np.where(rows.present, rows.values, np.nan)
        best = self._choose.reduceat(values, rows.starts, axis=0)
        extreme = self._extreme.rows
        extreme[rows.groups] = self._choose(extreme[rows.groups], best)

    def result(self) -> Floats:
        """Return the values, groups x steps."""
        return self._extreme.rows


class DeviationFold:
    """`stdvar`, or `stddev` as its root: squared deviations, joined block by block.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances" (1979).
    """

    def __init__(self, step_count: int, *, is_root: bool) -> None:
        self._is_root = is_root
        self._count = _Grid(step_count, 0.0)
        self._mean = _Grid(step_count, 0.0)
        self._squares = _Grid(step_count, 0.0)

    def grow(self, group_count: int) -> None:
        """Make room for groups up to this number."""
        for grid in (self._count, self._mean, self._squares):
            grid.grow(group_count)

    def add(self, rows: Segments) -> None:
        """Take the rows of one block."""
        lengths = np.diff(np.append(rows.starts, len(rows.values)))
        counts = rows.counts().astype(np.float64)
        divisor = np.maximum(counts, 1.0)
        # Taken from the least value, so that equal values deviate by exactly nothing.
        least = np.fmin.reduceat(np.where(rows.present, rows.values, np.nan), rows.starts, axis=0)
        above = rows.values - np.repeat(least, lengths, axis=0)
        mean_above = rows.sums(above).value / divisor
        squares = rows.sums((above - np.repeat(mean_above, lengths, axis=0)) ** 2).value
        means = least + mean_above
        old_count = self._count.rows[rows.groups]
        total = np.maximum(old_count + counts, 1.0)
        shift = np.where(counts > 0, means - self._mean.rows[rows.groups], 0.0)
        self._mean.rows[rows.groups] += shift * counts / total
        self._squares.rows[rows.groups] += squares + shift**2 * old_count * counts / total
        self._count.rows[rows.groups] = old_count + counts

    def result(self) -> Floats:
        """Return the values, groups x steps."""
        variance = self._squares.rows / self._count.rows
        return np.sqrt(variance) if self._is_root else variance


FOLDS: dict[AggregationOp, Callable[[int], Fold]] = {
    AggregationOp.SUM: SumFold,
    AggregationOp.AVG: AverageFold,
    AggregationOp.MIN: lambda steps: ExtremeFold(steps, np.fmin),
    AggregationOp.MAX: lambda steps: ExtremeFold(steps, np.fmax),
    AggregationOp.COUNT: CountFold,
    AggregationOp.GROUP: GroupFold,
    AggregationOp.STDDEV: lambda steps: DeviationFold(steps, is_root=True),
    AggregationOp.STDVAR: lambda steps: DeviationFold(steps, is_root=False),
}
"""Makes the fold of an operator for a number of steps."""
