"""The comparison with a number that an expression comes down to, if it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from observability.promql.parser import children
from observability.promql.signatures import ValueType
from observability.promql.syntax import Binary, BinaryOp, Expr, VectorSelector, unwrap
from observability.promql.typecheck import value_type

_FLIPPED = {
    BinaryOp.GTR: BinaryOp.LSS,
    BinaryOp.LSS: BinaryOp.GTR,
    BinaryOp.GTE: BinaryOp.LTE,
    BinaryOp.LTE: BinaryOp.GTE,
    BinaryOp.EQL: BinaryOp.EQL,
    BinaryOp.NEQ: BinaryOp.NEQ,
}
_UP = frozenset({BinaryOp.GTR, BinaryOp.GTE})
_DOWN = frozenset({BinaryOp.LSS, BinaryOp.LTE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What an expression watches, and the number with which it compares that.

    Attributes:
        watched: What stands before the operator.
        op: The comparison.
        limit: The number, as an expression without series.
        is_all: Whether the expression is this comparison and nothing else.
    """

    watched: Expr
    op: BinaryOp
    limit: Expr
    is_all: bool

    @property
    def direction(self) -> int:
        """1 when it is reached from below, -1 when from above, 0 for equality."""
        return (self.op in _UP) - (self.op in _DOWN)


def threshold_of(expr: Expr) -> Threshold | None:
    """Return the threshold of an expression; of `a > 1 and b > 2` the first."""
    return _threshold(expr, is_all=True)


def _threshold(expr: Expr, *, is_all: bool) -> Threshold | None:
    match unwrap(expr):
        case Binary(op=BinaryOp.AND | BinaryOp.UNLESS, lhs=lhs):
            return _threshold(lhs, is_all=False)
        case Binary(op=op, lhs=lhs, rhs=rhs, return_bool=False) if op.is_comparison:
            if _is_number(rhs) and value_type(lhs) is ValueType.VECTOR:
                return Threshold(watched=lhs, op=op, limit=rhs, is_all=is_all)
            if _is_number(lhs) and value_type(rhs) is ValueType.VECTOR:
                return Threshold(watched=rhs, op=_FLIPPED[op], limit=lhs, is_all=is_all)
            return None
        case _:
            return None


def _is_number(expr: Expr) -> bool:
    is_scalar = value_type(expr) is ValueType.SCALAR
    return is_scalar and not any(isinstance(node, VectorSelector) for node in _nodes(expr))


def _nodes(expr: Expr) -> Iterator[Expr]:
    yield expr
    for child in children(expr):
        yield from _nodes(child)
