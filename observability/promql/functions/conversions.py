"""`vector` and `scalar`: from one type of value to the other."""

from collections.abc import Iterator

import numpy as np

from observability.promql.blocks import Floats, VectorBlock, one_series
from observability.promql.functions.signature import ScalarFunction, VectorFunction
from observability.promql.operands import Operands
from observability.promql.syntax import Call


def _vector(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    yield one_series((), operands.scalar(call.args[0]))


def _scalar(call: Call, operands: Operands) -> Floats:
    """Return the value of the only series at each step, NaN where there is not just one."""
    counts = np.zeros(operands.context.steps.count, dtype=np.int64)
    values = np.zeros(len(counts))
    for block in operands.vector(call.args[0], function=call.function):
        if not len(block):
            continue
        counts += block.present.sum(axis=0)
        chosen = block.present.argmax(axis=0)
        here = np.take_along_axis(block.values, chosen[np.newaxis], axis=0)[0]
        values = np.where(block.present.any(axis=0), here, values)
    return np.where(counts == 1, values, np.nan)


FUNCTIONS: dict[str, VectorFunction] = {"vector": _vector}
SCALAR_FUNCTIONS: dict[str, ScalarFunction] = {"scalar": _scalar}
