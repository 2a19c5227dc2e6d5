"""An aggregation over blocks: memory grows with the groups, not with the series."""

from collections.abc import Iterable, Iterator

import numpy as np

from observability.promql.aggregation.folds import FOLDS, segment
from observability.promql.aggregation.groups import Groups
from observability.promql.blocks import Bools, VectorBlock
from observability.promql.context import Context
from observability.promql.errors import UnsupportedError
from observability.promql.syntax import Aggregation

_GROUPS_IN_BLOCK = 256


def aggregate(
    aggregation: Aggregation, blocks: Iterable[VectorBlock], context: Context
) -> Iterator[VectorBlock]:
    """Yield one series for each group of the series in `blocks`.

    Raises:
        UnsupportedError: The operator is one that does not fold.
    """
    make_fold = FOLDS.get(aggregation.op)
    if make_fold is None:
        raise UnsupportedError(f"aggregation operator {aggregation.op}")
    step_count = context.steps.count
    groups = Groups(aggregation)
    fold = make_fold(step_count)
    present: Bools = np.zeros((0, step_count), dtype=np.bool_)
    drop_name: Bools = np.zeros(0, dtype=np.bool_)
    for block in blocks:
        if not len(block):
            continue
        numbers = groups.number(block.label_sets)
        grown = len(groups) - len(present)
        if grown:
            context.account.add_points(grown * step_count)
            present = np.concatenate([present, np.zeros((grown, step_count), dtype=np.bool_)])
            drop_name = np.concatenate([drop_name, np.zeros(grown, dtype=np.bool_)])
            fold.grow(len(groups))
        rows = segment(numbers, block.values, block.present)
        present[rows.groups] |= np.logical_or.reduceat(rows.present, rows.starts, axis=0)
        np.logical_or.at(drop_name, numbers, block.drop_name)
        fold.add(rows)
    values = fold.result()
    label_sets = groups.label_sets
    for start in range(0, len(label_sets), _GROUPS_IN_BLOCK):
        part = slice(start, start + _GROUPS_IN_BLOCK)
        yield VectorBlock(
            label_sets=label_sets[part],
            values=values[part],
            present=present[part],
            drop_name=drop_name[part],
        )
