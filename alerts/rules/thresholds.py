"""The comparison with a number that an expression comes down to, if it does."""

from __future__ import annotations

from dataclasses import dataclass, replace

from observability.promql.parser import selectors
from observability.promql.signatures import ValueType
from observability.promql.syntax import (
    Binary,
    BinaryOp,
    Expr,
    NumberLiteral,
    Paren,
    Unary,
    unwrap,
)
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
        watched: What is compared.
        op: The comparison, read from what is watched to the number.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericThreshold(Threshold):
    """A threshold that is a number as it stands, and need not be worked out.

    Attributes:
        value: The number.
    """

    value: float


def threshold_of(expr: Expr) -> Threshold | None:
    """Return the threshold of an expression; of `a > 1 and b > 2` the first."""
    return _threshold(expr, is_all=True)


def numeric_threshold_of(expr: Expr) -> NumericThreshold | None:
    """Return the same where it is a number as it stands; None for `a > 2 * 1024` as well."""
    threshold = threshold_of(expr)
    return threshold if isinstance(threshold, NumericThreshold) else None


def with_threshold(expr: Expr, value: float) -> Expr:
    """Return an expression that has a numeric threshold with another number in its place."""
    match expr:
        case Paren(expr=inner):
            return replace(expr, expr=with_threshold(inner, value))
        case Binary(op=BinaryOp.AND | BinaryOp.UNLESS, lhs=lhs):
            return replace(expr, lhs=with_threshold(lhs, value))
        case Binary(rhs=rhs) if number_of(rhs) is not None:
            return replace(expr, rhs=NumberLiteral(value))
        case Binary():
            return replace(expr, lhs=NumberLiteral(value))
        case _:
            return expr


def number_of(expr: Expr) -> float | None:
    """Return the number that an expression is as it stands, its sign included; None for all else."""
    match unwrap(expr):
        case NumberLiteral(value=value):
            return value
        case Unary(expr=inner, is_plus=is_plus):
            number = number_of(inner)
            return number if is_plus or number is None else -number
        case _:
            return None


def _threshold(expr: Expr, *, is_all: bool) -> Threshold | None:
    match unwrap(expr):
        case Binary(op=BinaryOp.AND | BinaryOp.UNLESS, lhs=lhs):
            return _threshold(lhs, is_all=False)
        case Binary(op=op, lhs=lhs, rhs=rhs, return_bool=False) if op.is_comparison:
            if _is_number(rhs) and value_type(lhs) is ValueType.VECTOR:
                return _compared(lhs, op, rhs, is_all=is_all)
            if _is_number(lhs) and value_type(rhs) is ValueType.VECTOR:
                return _compared(rhs, _FLIPPED[op], lhs, is_all=is_all)
            return None
        case _:
            return None


def _compared(watched: Expr, op: BinaryOp, limit: Expr, *, is_all: bool) -> Threshold:
    value = number_of(limit)
    if value is None:
        return Threshold(watched=watched, op=op, limit=limit, is_all=is_all)
    return NumericThreshold(watched=watched, op=op, limit=limit, is_all=is_all, value=value)


def _is_number(expr: Expr) -> bool:
    is_scalar = value_type(expr) is ValueType.SCALAR
    return is_scalar and next(selectors(expr), None) is None
