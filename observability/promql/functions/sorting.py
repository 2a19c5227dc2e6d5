"""`sort` and `sort_desc`: the order of an instant vector."""

from collections.abc import Iterator

import numpy as np

from observability.promql.blocks import VectorBlock, concatenate
from observability.promql.functions.signature import VectorFunction
from observability.promql.operands import Operands
from observability.promql.syntax import Call


def _sort(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    yield from _by_value(call, operands, is_descending=False)


def _sort_desc(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    yield from _by_value(call, operands, is_descending=True)


def _by_value(call: Call, operands: Operands, *, is_descending: bool) -> Iterator[VectorBlock]:
    """Yield the vector in the order of its values, NaN last.

    A range query has no one order, so there the vector is left as it is, with a warning.
    """
    blocks = operands.vector(call.args[0], function=call.function)
    step_count = operands.context.steps.count
    if step_count > 1:
        operands.context.annotations.warn("sort is ineffective for range queries")
        yield from blocks
        return
    whole = concatenate(blocks, step_count)
    values = whole.values[:, 0]
    yield whole.take(np.argsort(-values if is_descending else values, kind="stable"))


FUNCTIONS: dict[str, VectorFunction] = {"sort": _sort, "sort_desc": _sort_desc}
