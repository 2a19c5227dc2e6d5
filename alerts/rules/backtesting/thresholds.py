"""The threshold of an expression, and how near it came to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from observability.promql import Matrix
from observability.promql.labels import LabelSet
from observability.promql.signatures import ValueType
from observability.promql.syntax import Binary, BinaryOp, Expr, NumberLiteral, Paren, Unary
from observability.promql.typecheck import value_type

_TURNED = {
    BinaryOp.GTR: BinaryOp.LSS,
    BinaryOp.LSS: BinaryOp.GTR,
    BinaryOp.GTE: BinaryOp.LTE,
    BinaryOp.LTE: BinaryOp.GTE,
}
_DOWNWARDS = frozenset({BinaryOp.LSS, BinaryOp.LTE})


@dataclass(frozen=True, slots=True)
class Threshold:
    """A comparison with a number that stands at the top of an expression.

    Attributes:
        judged: What is compared.
        op: The comparison, read from what is compared to the number.
        value: The number.
    """

    judged: Expr
    op: BinaryOp
    value: float

    @property
    def is_downwards(self) -> bool:
        """Whether lower values are the worse ones."""
        return self.op in _DOWNWARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestMiss:
    """The value that came nearest to a threshold without crossing it.

    Attributes:
        value: The value.
        distance: How far from the threshold.
        labels: Of its series.
        at_ms: When that was.
    """

    value: float
    distance: float
    labels: LabelSet
    at_ms: int


def threshold_of(expr: Expr) -> Threshold | None:
    """Return the threshold of an expression; None where nothing at its top is compared with a number."""
    match expr:
        case Paren(expr=inner):
            return threshold_of(inner)
        case Binary(op=BinaryOp.AND | BinaryOp.UNLESS, lhs=lhs):
            return threshold_of(lhs)
        case Binary(op=op, lhs=lhs, rhs=rhs, return_bool=False) if op.is_comparison:
            for judged, turned, number in (
                (lhs, op, _number(rhs)),
                (rhs, _TURNED.get(op, op), _number(lhs)),
            ):
                if number is not None and value_type(judged) is ValueType.VECTOR:
                    return Threshold(judged, turned, number)
    return None


def with_threshold(expr: Expr, value: float) -> Expr:
    """Return an expression that has a threshold with another number in its place."""
    match expr:
        case Paren(expr=inner):
            return replace(expr, expr=with_threshold(inner, value))
        case Binary(op=BinaryOp.AND | BinaryOp.UNLESS, lhs=lhs):
            return replace(expr, lhs=with_threshold(lhs, value))
        case Binary(lhs=lhs, rhs=rhs) if _number(rhs) is not None:
            return replace(expr, rhs=NumberLiteral(value))
        case Binary(rhs=rhs):
            return replace(expr, lhs=NumberLiteral(value))
        case _:
            return expr


def nearest_miss(matrix: Matrix, threshold: Threshold) -> NearestMiss | None:
    """Return the value of a matrix that is nearest to a threshold; None where all are NaN."""
    distances = np.abs(matrix.values - threshold.value)
    if not len(distances) or np.isnan(distances).all():
        return None
    place = int(np.nanargmin(distances))
    series = int(np.searchsorted(matrix.offsets, place, side="right")) - 1
    return NearestMiss(
        value=float(matrix.values[place]),
        distance=float(distances[place]),
        labels=matrix.label_sets[series],
        at_ms=int(matrix.timestamps_ms[place]),
    )


def _number(expr: Expr) -> float | None:
    match expr:
        case NumberLiteral(value=value):
            return value
        case Paren(expr=inner):
            return _number(inner)
        case Unary(expr=inner, is_plus=is_plus):
            number = _number(inner)
            return -number if number is not None and not is_plus else number
        case _:
            return None
