"""`time`, `timestamp` and `start_timestamp`: when, instead of how much."""

from collections.abc import Iterator

import numpy as np

from observability.promql.blocks import Floats, VectorBlock
from observability.promql.functions.signature import ScalarFunction, VectorFunction
from observability.promql.operands import Operands
from observability.promql.syntax import Call, VectorSelector, unwrap


def _time(call: Call, operands: Operands) -> Floats:
    return operands.context.steps.timestamps_ms / 1000


def _timestamp(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    """Yield the time of each sample; what is calculated is as old as the step."""
    arg = unwrap(call.args[0])
    if isinstance(arg, VectorSelector):
        for series, chosen in operands.samples(arg, function=call.function):
            yield VectorBlock(
                label_sets=series.label_sets,
                values=chosen.timestamps_ms / 1000,
                present=chosen.present,
                drop_name=np.ones(len(series.label_sets), dtype=np.bool_),
            )
        return
    now = operands.context.steps.timestamps_ms / 1000
    for block in operands.vector(arg, function=call.function):
        yield block.with_values(np.broadcast_to(now, block.values.shape))


def _start_timestamp(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    """Yield nothing: no sample has a start time, as in a Prometheus that is not told to keep them."""
    for block in operands.vector(call.args[0], function=call.function):
        yield block.with_values(block.values, np.zeros_like(block.present))


FUNCTIONS: dict[str, VectorFunction] = {
    "timestamp": _timestamp,
    "start_timestamp": _start_timestamp,
}
SCALAR_FUNCTIONS: dict[str, ScalarFunction] = {"time": _time}
