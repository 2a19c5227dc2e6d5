"""An aggregation over blocks: memory grows with the groups, not with the series."""

from collections.abc import Iterator

import numpy as np

from observability.promql.aggregation.folds import FOLDS, Grid, count_up
from observability.promql.aggregation.groups import Groups
from observability.promql.blocks import Bools, VectorBlock
from observability.promql.operands import Operands
from observability.promql.syntax import Aggregation

_GROUPS_IN_BLOCK = 256


def fold(aggregation: Aggregation, operands: Operands) -> Iterator[VectorBlock]:
    """Yield one series for each group of the series that are aggregated."""
    context = operands.context
    step_count = context.steps.count
    groups = Groups(aggregation)
    folded = FOLDS[aggregation.op](step_count)
    counts = Grid(step_count)
    drop_name: Bools = np.zeros(0, dtype=np.bool_)
    for block in operands.vector(aggregation.expr, function=aggregation.op):
        if not len(block):
            continue
        known = len(groups)
        numbers = groups.number(block.label_sets)
        if len(groups) > known:
            context.account.add_points((len(groups) - known) * step_count)
            drop_name = np.append(drop_name, np.zeros(len(groups) - known, dtype=np.bool_))
            counts.grow(len(groups))
            folded.grow(len(groups))
        np.logical_or.at(drop_name, numbers, block.drop_name)
        # A block that is one step spread over many is no plain array.
        values = np.ascontiguousarray(block.values)
        present = np.ascontiguousarray(block.present)
        count_up(counts.rows, numbers, present)
        folded.add(numbers, values, present)
    values, present = folded.result(counts.rows), counts.rows > 0
    label_sets = groups.label_sets
    for start in range(0, len(label_sets), _GROUPS_IN_BLOCK):
        part = slice(start, start + _GROUPS_IN_BLOCK)
        yield VectorBlock(
            label_sets=label_sets[part],
            values=values[part],
            present=present[part],
            drop_name=drop_name[part],
        )
