"""`absent` and `absent_over_time`: 1 where nothing is selected."""

from collections.abc import Iterator

import numpy as np

from observability.promql.blocks import Bools, VectorBlock, one_series
from observability.promql.functions.signature import VectorFunction
from observability.promql.labels import METRIC_NAME, LabelSet, label_set
from observability.promql.matchers import MatchOp
from observability.promql.operands import Operands
from observability.promql.syntax import Call, Expr, MatrixSelector, VectorSelector


def absent_labels(expr: Expr) -> LabelSet:
    """Return the labels that a selector pins to one value; none for other expressions.

    A label that is matched more than once is left out, as Prometheus has always done.
    """
    match expr:
        case (
            VectorSelector(matchers=matchers)
            | MatrixSelector(selector=VectorSelector(matchers=matchers))
        ):
            pinned: dict[str, str] = {}
            seen: set[str] = set()
            for matcher in matchers:
                if matcher.name == METRIC_NAME:
                    continue
                if matcher.op is MatchOp.EQUAL and matcher.name not in seen:
                    pinned[matcher.name] = matcher.value
                    seen.add(matcher.name)
                else:
                    pinned.pop(matcher.name, None)
            return label_set(pinned)
        case _:
            return ()


def _absent(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    arg = call.args[0]
    is_there = _nothing(operands)
    for block in operands.vector(arg, function=call.function):
        is_there |= block.present.any(axis=0)
    yield one_series(absent_labels(arg), np.ones(len(is_there)), ~is_there)


def _absent_over_time(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    arg = call.args[0]
    is_there = _nothing(operands)
    for window in operands.rollup_windows(arg, function=call.function, columns=frozenset()):
        is_there |= window.has_samples.any(axis=0)
    yield one_series(absent_labels(arg), np.ones(len(is_there)), ~is_there)


def _nothing(operands: Operands) -> Bools:
    return np.zeros(operands.context.steps.count, dtype=np.bool_)


FUNCTIONS: dict[str, VectorFunction] = {
    "absent": _absent,
    "absent_over_time": _absent_over_time,
}
