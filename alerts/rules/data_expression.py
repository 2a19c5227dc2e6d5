"""What an expression judges: the same expression with its filters taken away.

`rate(errors[5m]) > 5` has no result both when the rate is small and when the series is gone. The
data expression, `rate(errors[5m])`, tells the two apart.
"""

from __future__ import annotations

from dataclasses import replace

from observability.promql.signatures import ValueType
from observability.promql.syntax import (
    Aggregation,
    Binary,
    BinaryOp,
    Call,
    Expr,
    Paren,
    Subquery,
    Unary,
)
from observability.promql.typecheck import value_type

# They give something because there is no data, or whether or not there is.
_WITHOUT_DATA = frozenset({"absent", "absent_over_time", "vector", "scalar", "time"})


def data_expression(expr: Expr) -> Expr | None:
    """Return what has a series for each one that an expression judges, whatever the verdict.

    None where the expression cannot be without data, or gives something because there is none.
    """
    if value_type(expr) is not ValueType.VECTOR:
        return None
    try:
        return _data(expr)
    except _NeverWithoutDataError:
        return None


class _NeverWithoutDataError(Exception):
    """The expression says nothing about whether there is data."""


def _data(expr: Expr) -> Expr:
    match expr:
        case Binary(op=BinaryOp.UNLESS, lhs=lhs):
            return _data(lhs)
        case Binary(op=op, lhs=lhs, rhs=rhs, return_bool=False) if op.is_comparison:
            if value_type(lhs) is ValueType.SCALAR:
                return _data(rhs)
            if value_type(rhs) is ValueType.SCALAR:
                return _data(lhs)
            # Matches as the comparison does, and keeps every match.
            return replace(expr, op=BinaryOp.SUB, lhs=_data(lhs), rhs=_data(rhs))
        case Binary(lhs=lhs, rhs=rhs):
            return replace(expr, lhs=_data(lhs), rhs=_data(rhs))
        case Paren(expr=inner) | Unary(expr=inner) | Aggregation(expr=inner) | Subquery(expr=inner):
            return replace(expr, expr=_data(inner))
        case Call(function=function) if function in _WITHOUT_DATA:
            if value_type(expr) is ValueType.SCALAR:
                return expr
            raise _NeverWithoutDataError
        case Call(args=args):
            return replace(expr, args=tuple(map(_data, args)))
        case _:
            return expr
