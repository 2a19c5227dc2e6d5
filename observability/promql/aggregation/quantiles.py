"""`quantile`: of the values of each group, which must all be at hand for it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

from observability.promql.aggregation.groups import Groups
from observability.promql.aggregation.parameters import Parameter, parameter
from observability.promql.annotations import Annotations
from observability.promql.blocks import VectorBlock, concatenate
from observability.promql.operands import Operands
from observability.promql.quantile import quantile_of, warn_of_invalid_quantile
from observability.promql.syntax import Aggregation


def quantile(aggregation: Aggregation, operands: Operands) -> Iterator[VectorBlock]:
    """Yield the quantile of each group at each step."""
    given = parameter(aggregation, operands)
    _warn(given, operands.context.annotations)
    blocks = operands.vector(aggregation.expr, function=aggregation.op)
    whole = concatenate(operands.context.counted(blocks), len(given.values))
    groups = Groups(aggregation)
    numbers = groups.number(whole.label_sets)
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(len(groups) + 1))
    values, present = _quantiles(given.values, whole.values, whole.present, order, starts)
    drop_name = np.zeros(len(groups), dtype=np.bool_)
    np.logical_or.at(drop_name, numbers, whole.drop_name)
    yield VectorBlock(
        label_sets=groups.label_sets, values=values, present=present, drop_name=drop_name
    )


def _warn(given: Parameter, annotations: Annotations) -> None:
    if given.has_nan:
        warn_of_invalid_quantile(np.nan, given.span, annotations)
        return
    for q in (given.greatest, given.least):
        warn_of_invalid_quantile(q, given.span, annotations)


@njit(nogil=True, cache=True)
def _quantiles(qs: Any, values: Any, present: Any, order: Any, starts: Any) -> Any:
    """Return values and presence, groups x steps.

    Args:
        qs: The quantile asked for at each step.
        values: float64, rows x steps.
        present: bool, rows x steps.
        order: The rows, those of a group behind each other.
        starts: Where in `order` each group starts, and the last one ends.
    """
    group_count, step_count = len(starts) - 1, len(qs)
    found = np.zeros((group_count, step_count))
    is_found = np.zeros((group_count, step_count), dtype=np.bool_)
    for group in range(group_count):
        buffer = np.empty(starts[group + 1] - starts[group])
        for step in range(step_count):
            count = 0
            for place in range(starts[group], starts[group + 1]):
                row = order[place]
                if present[row, step]:
                    buffer[count] = values[row, step]
                    count += 1
            if count:
                found[group, step] = quantile_of(qs[step], buffer, count)
                is_found[group, step] = True
    return found, is_found
