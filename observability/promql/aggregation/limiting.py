"""`limitk` and `limit_ratio`: some series of each group, whatever their values."""

from collections.abc import Iterator

import numpy as np

from observability.promql.aggregation.groups import Groups
from observability.promql.aggregation.label_hash import label_hashes
from observability.promql.aggregation.parameters import counts, parameter
from observability.promql.blocks import Bools, Ints, VectorBlock
from observability.promql.errors import ExecutionError
from observability.promql.go_floats import shortest
from observability.promql.operands import Operands
from observability.promql.syntax import Aggregation

_LARGEST_HASH = float(2**64 - 1)


def limit_count(aggregation: Aggregation, operands: Operands) -> Iterator[VectorBlock]:
    """Yield the first `k` series of each group that have a value at a step."""
    limits = counts(parameter(aggregation, operands))
    if not limits.any():
        return
    groups = Groups(aggregation)
    seen: Ints = np.zeros((0, len(limits)), dtype=np.int64)
    for block in operands.vector(aggregation.expr, function=aggregation.op):
        numbers = groups.number(block.label_sets)
        grown = np.zeros((len(groups) - len(seen), len(limits)), dtype=np.int64)
        seen = np.concatenate([seen, grown])
        ranks = seen[numbers] + _ranks_in_block(numbers, block.present)
        np.add.at(seen, numbers, block.present)
        yield block.with_presence(block.present & (ranks <= limits))
        if groups.is_one and len(seen) and (seen >= limits).all():
            # No later series can be among the first.
            return


def limit_ratio(aggregation: Aggregation, operands: Operands) -> Iterator[VectorBlock]:
    """Yield a share of the series: those whose labels' hash is small, or large for a negative share.

    The hash is Prometheus's own, so that the choice is.
    """
    given = parameter(aggregation, operands)
    if given.has_nan:
        raise ExecutionError("Ratio value is NaN")
    if not given.values.any():
        return
    annotations = operands.context.annotations
    for value, bound in ((given.greatest, 1), (given.least, -1)):
        if value * bound > 1:
            annotations.warn(
                f"ratio value should be between -1 and 1, got {shortest(value)}, capping to {bound}",
                given.span,
            )
    ratios = np.clip(given.values, -1.0, 1.0)
    for block in operands.vector(aggregation.expr, function=aggregation.op):
        places = (label_hashes(block.label_sets) / _LARGEST_HASH)[:, np.newaxis]
        is_chosen = np.where(ratios >= 0, places < ratios, places >= 1.0 + ratios)
        yield block.with_presence(block.present & is_chosen)


def _ranks_in_block(numbers: Ints, present: Bools) -> Ints:
    """Return for each cell how many of its group are present up to it, in the rows of the block."""
    order = np.argsort(numbers, kind="stable")
    sorted_numbers = numbers[order]
    totals = np.cumsum(present[order], axis=0)
    firsts = np.searchsorted(sorted_numbers, sorted_numbers)
    before = np.concatenate([np.zeros((1, present.shape[1]), dtype=np.int64), totals])[firsts]
    ranks = np.empty(present.shape, dtype=np.int64)
    ranks[order] = totals - before
    return ranks
