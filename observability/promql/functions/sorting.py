"""`sort`, `sort_by_label` and their opposites: the order of an instant vector."""

from collections.abc import Callable, Iterator

import numpy as np

from observability.promql.blocks import Ints, VectorBlock, concatenate
from observability.promql.functions.signature import VectorFunction
from observability.promql.labels import LabelSet, label_value
from observability.promql.natural_order import Key, natural_key
from observability.promql.operands import Operands
from observability.promql.syntax import Call

Order = Callable[[Call, Operands, VectorBlock], Ints]


def _sorted(order: Order) -> VectorFunction:
    """Return the function that puts a vector's series into an order.

    A range query has no one order, so there the vector is left as it is, with a warning.
    """

    def apply(call: Call, operands: Operands) -> Iterator[VectorBlock]:
        blocks = operands.vector(call.args[0], function=call.function)
        steps = operands.context.steps
        if steps.start_ms != steps.end_ms:
            operands.context.annotations.warn(
                "sort is ineffective for range queries since results are always ordered by labels",
                call.span,
            )
            yield from blocks
            return
        whole = concatenate(operands.context.counted(blocks), steps.count)
        yield whole.take(order(call, operands, whole))

    return apply


def _by_value(call: Call, operands: Operands, whole: VectorBlock) -> Ints:
    return np.argsort(whole.values[:, 0], kind="stable")


def _by_value_desc(call: Call, operands: Operands, whole: VectorBlock) -> Ints:
    # NaN stays last.
    return np.argsort(-whole.values[:, 0], kind="stable")


def _by_label(call: Call, operands: Operands, whole: VectorBlock) -> Ints:
    names = [operands.string(arg) for arg in call.args[1:]]

    def key(row: int) -> tuple[list[Key], LabelSet]:
        labels = whole.label_sets[row]
        return [natural_key(label_value(labels, name)) for name in names], labels

    return np.array(sorted(range(len(whole)), key=key), dtype=np.int64)


def _by_label_desc(call: Call, operands: Operands, whole: VectorBlock) -> Ints:
    return _by_label(call, operands, whole)[::-1]


FUNCTIONS: dict[str, VectorFunction] = {
    "sort": _sorted(_by_value),
    "sort_desc": _sorted(_by_value_desc),
    "sort_by_label": _sorted(_by_label),
    "sort_by_label_desc": _sorted(_by_label_desc),
}
