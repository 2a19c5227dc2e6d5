"""`topk` and `bottomk`: the series with the largest or smallest values of each group, step by step.

Only what is among the first is kept while blocks come in, so memory grows with the groups and
`k`, not with the series.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

from observability.promql.aggregation.groups import Groups
from observability.promql.aggregation.parameters import counts, parameter
from observability.promql.blocks import Bools, Floats, Ints, VectorBlock
from observability.promql.labels import LabelSet
from observability.promql.limits import Account
from observability.promql.operands import Operands
from observability.promql.syntax import Aggregation, AggregationOp

_ROWS_IN_BLOCK = 256


def rank(aggregation: Aggregation, operands: Operands) -> Iterator[VectorBlock]:
    """Yield the series that are among the first `k` of their group at some step, at these steps.

    Of equal values the one that came first counts more, NaN counts less than all. At a single
    step the series of a group come in the order of their rank.
    """
    limits = counts(parameter(aggregation, operands))
    if not limits.any():
        return
    sign = 1.0 if aggregation.op is AggregationOp.TOPK else -1.0
    groups = Groups(aggregation)
    label_sets: list[LabelSet] = []
    drop_names: list[bool] = []
    ranking = Ranking(limits, operands.context.account)
    for block in operands.vector(aggregation.expr, function=aggregation.op):
        numbers = groups.number(block.label_sets)
        ranking.make_room(np.bincount(numbers, minlength=len(groups)))
        ranking.offer(sign * block.values, block.present, numbers, len(label_sets))
        label_sets.extend(block.label_sets)
        drop_names.extend(block.drop_name.tolist())
    for rows, values, present in ranking.series():
        yield VectorBlock(
            label_sets=[label_sets[row] for row in rows.tolist()],
            values=sign * values,
            present=present,
            drop_name=np.array([drop_names[row] for row in rows.tolist()], dtype=np.bool_),
        )


class Ranking:
    """The greatest values seen so far: at each step a heap for each group, its least at the root.

    The heap of a group takes the slots from `starts[group]` on, as many as could be needed.
    """

    def __init__(self, limits: Ints, account: Account) -> None:
        self._limits = limits
        self._account = account
        self._members: Ints = np.zeros(0, dtype=np.int64)
        self._starts: Ints = np.zeros(0, dtype=np.int64)
        self._slot_counts: Ints = np.zeros(0, dtype=np.int64)
        self._values: Floats = np.zeros((0, len(limits)))
        self._rows: Ints = np.zeros((0, len(limits)), dtype=np.int64)
        self._counts: Ints = np.zeros((0, len(limits)), dtype=np.int64)

    def make_room(self, new_members: Ints) -> None:
        """Make slots for so many more series of each group, new groups included."""
        grown = len(new_members) - len(self._members)
        more = np.zeros(grown, dtype=np.int64)
        self._members = np.concatenate([self._members, more]) + new_members
        slot_counts = np.minimum(self._members, self._limits.max())
        old_counts = np.concatenate([self._slot_counts, more])
        if not grown and (slot_counts == old_counts).all():
            return
        step_count = len(self._limits)
        total = int(slot_counts.sum())
        self._account.add_points((total - len(self._values)) * step_count)
        starts = np.cumsum(slot_counts) - slot_counts
        moved = np.repeat(starts - (np.cumsum(old_counts) - old_counts), old_counts)
        target = np.arange(len(self._values)) + moved
        values, rows = np.zeros((total, step_count)), np.zeros((total, step_count), dtype=np.int64)
        values[target], rows[target] = self._values, self._rows
        self._values, self._rows = values, rows
        self._starts, self._slot_counts = starts, slot_counts
        self._counts = np.concatenate([self._counts, np.zeros((grown, step_count), dtype=np.int64)])

    def offer(self, values: Floats, present: Bools, groups: Ints, first_row: int) -> None:
        """Take those of some rows' values that are greater than what was kept."""
        _offer(
            np.ascontiguousarray(values),
            np.ascontiguousarray(present),
            groups,
            first_row,
            self._limits,
            self._starts,
            self._counts,
            self._values,
            self._rows,
        )

    def series(self) -> Iterator[tuple[Ints, Floats, Bools]]:
        """Yield rows that were kept, with their values and where they were kept, some at once."""
        places = np.arange(len(self._values)) - np.repeat(self._starts, self._slot_counts)
        is_used = places[:, np.newaxis] < np.repeat(self._counts, self._slot_counts, axis=0)
        slots, steps = np.nonzero(is_used)
        rows, values = self._rows[slots, steps], self._values[slots, steps]
        if len(self._limits) == 1:
            group = np.repeat(np.arange(len(self._starts)), self._slot_counts)[slots]
            order = np.lexsort((rows, -values, group))
            chosen = rows[order]
        else:
            chosen = np.unique(rows)
        number = np.zeros(int(rows.max(initial=-1)) + 1, dtype=np.int64)
        number[chosen] = np.arange(len(chosen))
        order = np.argsort(number[rows], kind="stable")
        targets, steps, values = number[rows][order], steps[order], values[order]
        for start in range(0, len(chosen), _ROWS_IN_BLOCK):
            part = chosen[start : start + _ROWS_IN_BLOCK]
            first, last = np.searchsorted(targets, [start, start + len(part)])
            block = np.zeros((len(part), len(self._limits)))
            present = np.zeros(block.shape, dtype=np.bool_)
            cells = targets[first:last] - start, steps[first:last]
            block[cells], present[cells] = values[first:last], True
            yield part, block, present


@njit(nogil=True, cache=True)
def _offer(
    values: Any,
    present: Any,
    groups: Any,
    first_row: int,
    limits: Any,
    starts: Any,
    counts: Any,
    kept_values: Any,
    kept_rows: Any,
) -> None:
    """Put the rows of a block into the heaps of their groups, where they belong there.

    Args:
        values: float64, rows x steps.
        present: bool, rows x steps.
        groups: The group of each row.
        first_row: The number of the first row; rows that were offered before have smaller ones.
        limits: How many may be kept at each step.
        starts: The slot of each group's root.
        counts: Groups x steps: how many are kept; changed.
        kept_values: float64, slots x steps; changed.
        kept_rows: int64, slots x steps; changed.
    """
    row_count, step_count = values.shape
    for i in range(row_count):
        group = groups[i]
        root = starts[group]
        row = first_row + i
        for step in range(step_count):
            if not present[i, step] or limits[step] < 1:
                continue
            value = values[i, step]
            count = counts[group, step]
            if count < limits[step]:
                counts[group, step] = count + 1
                _rise(kept_values, kept_rows, root, step, count, value, row)
            elif _is_worse(kept_values[root, step], kept_rows[root, step], value, row):
                _sink(kept_values, kept_rows, root, step, count, value, row)


@njit(nogil=True, cache=True)
def _is_worse(value: float, row: int, other: float, other_row: int) -> bool:
    if np.isnan(value) or np.isnan(other):
        if np.isnan(value) and np.isnan(other):
            return row > other_row
        return bool(np.isnan(value))
    if value == other:
        return row > other_row
    return value < other


@njit(nogil=True, cache=True)
def _rise(values: Any, rows: Any, root: int, step: int, place: int, value: float, row: int) -> None:
    """Put a value at the end of a heap, and move it up to where it belongs."""
    while place > 0:
        parent = (place - 1) // 2
        above = root + parent
        if not _is_worse(value, row, values[above, step], rows[above, step]):
            break
        values[root + place, step] = values[above, step]
        rows[root + place, step] = rows[above, step]
        place = parent
    values[root + place, step] = value
    rows[root + place, step] = row


@njit(nogil=True, cache=True)
def _sink(values: Any, rows: Any, root: int, step: int, count: int, value: float, row: int) -> None:
    """Put a value in the place of a heap's root, and move it down to where it belongs."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= count:
            break
        below = root + child
        if child + 1 < count and _is_worse(
            values[below + 1, step], rows[below + 1, step], values[below, step], rows[below, step]
        ):
            child += 1
            below += 1
        if not _is_worse(values[below, step], rows[below, step], value, row):
            break
        values[root + place, step] = values[below, step]
        rows[root + place, step] = rows[below, step]
        place = child
    values[root + place, step] = value
    rows[root + place, step] = row
