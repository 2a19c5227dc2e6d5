"""An aggregation over blocks: memory grows with the groups, not with the series."""

from collections.abc import Iterator

import numpy as np

from observability.promql.aggregation.folds import FOLDS, segment
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
    present: Bools = np.zeros((0, step_count), dtype=np.bool_)
    drop_name: Bools = np.zeros(0, dtype=np.bool_)
    for block in operands.vector(aggregation.expr, function=aggregation.op):
        if not len(block):
            continue
        numbers = groups.number(block.label_sets)
        grown = len(groups) - len(present)
        if grown:
            context.account.add_points(grown * step_count)
            present = np.concatenate([present, np.zeros((grown, step_count), dtype=np.bool_)])
            drop_name = np.concatenate([drop_name, np.zeros(grown, dtype=np.bool_)])
            folded.grow(len(groups))
        rows = segment(numbers, block.values, block.present)
        present[rows.groups] |= np.logical_or.reduceat(rows.present, rows.starts, axis=0)
        np.logical_or.at(drop_name, numbers, block.drop_name)
        folded.add(rows)
    values = folded.result()
    label_sets = groups.label_sets
    for start in range(0, len(label_sets), _GROUPS_IN_BLOCK):
        part = slice(start, start + _GROUPS_IN_BLOCK)
        yield VectorBlock(
            label_sets=label_sets[part],
            values=values[part],
            present=present[part],
            drop_name=drop_name[part],
        )
