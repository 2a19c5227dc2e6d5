"""What expressions give at many evaluations, asked at once and handed out one by one."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from alerts.rules.rule_evaluation import Vector
from observability.promql import Matrix, PromQLError
from observability.promql.blocks import Floats, Ints
from observability.promql.labels import LabelSet
from observability.promql.syntax import Expr

# How often an expression is asked in a part for which it fails as a whole.
_PROBES = 9


class Source(Protocol):
    """Where the answers to expressions come from."""

    def at(self, expr: Expr, at_ms: int) -> Vector:
        """Return what an expression gives at one time; raises `PromQLError`."""
        ...

    def between(self, expr: Expr, *, start_ms: int, end_ms: int, step_ms: int) -> Matrix:
        """Return what it gives at each step of a range, both ends included; raises `PromQLError`."""
        ...


class PartTooLongError(Exception):
    """A part could not be asked for at once; a shorter one may do."""


class Part:
    """Answers at some evaluations in a row; each expression is asked when it is first needed."""

    def __init__(self, source: Source, *, first_ms: int, step_ms: int, count: int) -> None:
        self.count = count
        self._source = source
        self._first_ms = first_ms
        self._step_ms = step_ms
        # By identity: a tree is hashed node by node. The tree is kept, so that no other gets its id.
        self._grids: dict[int, tuple[Expr, _Grid | PromQLError]] = {}

    def query(self, expr: Expr, at_ms: int) -> Vector:
        """Return what an expression gives at one of the evaluations.

        Raises:
            PartTooLongError: There is no answer for all of them at once.
            PromQLError: There is none for any of them.
        """
        if self.count == 1:
            return self._source.at(expr, at_ms)
        return self._grid(expr).vector(self._place(at_ms))

    def same_until(self, at_ms: int) -> int:
        """Return when, after an evaluation, an answer that was asked has other series.

        The end of the part when none has.
        """
        if self.count == 1:
            return at_ms + self._step_ms
        place = self._place(at_ms)
        grids = [grid for _, grid in self._grids.values() if isinstance(grid, _Grid)]
        following = min((grid.next_change(place) for grid in grids), default=self.count)
        return self._first_ms + following * self._step_ms

    def values(self, expr: Expr, from_ms: int, until_ms: int) -> tuple[list[LabelSet], Floats]:
        """Return series and values while the series stay the same, a row for each evaluation.

        Args:
            expr: An expression.
            from_ms: The first evaluation.
            until_ms: The first that is left out.
        """
        return self._grid(expr).block(self._place(from_ms), self._place(until_ms))

    def all_values(self, expr: Expr) -> Matrix:
        """Return what an expression gives at all evaluations; raises as `query` does."""
        end_ms = self._first_ms + (self.count - 1) * self._step_ms
        try:
            return self._source.between(
                expr, start_ms=self._first_ms, end_ms=end_ms, step_ms=self._step_ms
            )
        except PromQLError as error:
            if not self._fails_throughout(expr):
                raise PartTooLongError from error
            raise

    def _fails_throughout(self, expr: Expr) -> bool:
        """Say whether an expression has no value at some times all over the part.

        It is then taken to have none in between: to ask each time could take for ever.
        """
        places = np.unique(np.linspace(0, self.count - 1, _PROBES).round().astype(np.int64))
        return all(
            self._fails(expr, self._first_ms + place * self._step_ms) for place in places.tolist()
        )

    def _fails(self, expr: Expr, at_ms: int) -> bool:
        try:
            self._source.at(expr, at_ms)
        except PromQLError:
            return True
        return False

    def _grid(self, expr: Expr) -> _Grid:
        known = self._grids.get(id(expr))
        if known is None:
            try:
                grid: _Grid | PromQLError = _Grid(
                    self.all_values(expr), self._first_ms, self._step_ms, self.count
                )
            except PromQLError as error:
                grid = error
            known = self._grids[id(expr)] = (expr, grid)
        if isinstance(known[1], PromQLError):
            raise known[1]
        return known[1]

    def _place(self, at_ms: int) -> int:
        return (at_ms - self._first_ms) // self._step_ms


class _Grid:
    """A matrix by steps instead of by series."""

    def __init__(self, matrix: Matrix, first_ms: int, step_ms: int, count: int) -> None:
        self._label_sets = matrix.label_sets
        self._count = count
        series = np.repeat(np.arange(len(matrix)), np.diff(matrix.offsets))
        steps = (matrix.timestamps_ms - first_ms) // step_ms
        self._changes = _changes(series, steps)
        order = np.argsort(steps, kind="stable")
        self._series = series[order]
        self._values = matrix.values[order]
        self._bounds = np.searchsorted(steps[order], np.arange(count + 1))

    def vector(self, place: int) -> Vector:
        part = slice(self._bounds[place], self._bounds[place + 1])
        return [
            (self._label_sets[series], value)
            for series, value in zip(
                self._series[part].tolist(), self._values[part].tolist(), strict=True
            )
        ]

    def next_change(self, place: int) -> int:
        following = int(np.searchsorted(self._changes, place, side="right"))
        if following == len(self._changes):
            return self._count
        return min(int(self._changes[following]), self._count)

    def block(self, place: int, until: int) -> tuple[list[LabelSet], Floats]:
        start, end = self._bounds[place], self._bounds[until]
        rows = self._values[start:end].reshape(until - place, -1)
        series = self._series[start : start + rows.shape[1]]
        return [self._label_sets[one] for one in series.tolist()], rows


def _changes(series: Ints, steps: Ints) -> Ints:
    """Return the steps at which a series comes or is gone, sorted."""
    if not len(steps):
        return steps
    is_new = np.ones(len(steps), dtype=bool)
    is_new[1:] = (np.diff(steps) != 1) | (np.diff(series) != 0)
    starts = np.flatnonzero(is_new)
    ends = np.append(starts[1:], len(steps)) - 1
    return np.unique(np.concatenate([steps[starts], steps[ends] + 1]))
