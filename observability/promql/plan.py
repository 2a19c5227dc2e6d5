"""What is known of an expression before any sample is read: types, fixed times, invariance."""

from dataclasses import replace
from enum import StrEnum
from typing import assert_never

from observability.promql.steps import Steps
from observability.promql.syntax import (
    Aggregation,
    AtBound,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
    unwrap,
)

_SCALAR_FUNCTIONS = frozenset(
    {"time", "scalar", "pi", "start", "end", "step", "range", "min_of", "max_of"}
)
_CLOCK_FUNCTIONS = frozenset({"time", "predict_linear"})
_DATE_FUNCTIONS = frozenset(
    {
        "days_in_month",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "hour",
        "minute",
        "month",
        "year",
    }
)


class ValueType(StrEnum):
    """What an expression gives at one step, as Prometheus's messages call it."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "instant vector"
    MATRIX = "range vector"


def value_type(expr: Expr) -> ValueType:
    """Return what an expression gives."""
    match expr:
        case NumberLiteral():
            return ValueType.SCALAR
        case StringLiteral():
            return ValueType.STRING
        case VectorSelector() | Aggregation():
            return ValueType.VECTOR
        case MatrixSelector() | Subquery():
            return ValueType.MATRIX
        case Call(function=function):
            return ValueType.SCALAR if function in _SCALAR_FUNCTIONS else ValueType.VECTOR
        case Paren(expr=inner) | Unary(expr=inner):
            return value_type(inner)
        case Binary(lhs=lhs, rhs=rhs):
            sides = {value_type(lhs), value_type(rhs)}
            return ValueType.SCALAR if sides == {ValueType.SCALAR} else ValueType.VECTOR
        case _:
            assert_never(expr)


def fix_bounds(expr: Expr, steps: Steps) -> Expr:
    """Return `expr` with `start()`, `end()`, `range()`, `step()` replaced by the query's times.

    That happens before evaluation, because inside a subquery they still mean the whole
    query; so do they after `@`.
    """
    match expr:
        case NumberLiteral() | StringLiteral():
            return expr
        case VectorSelector():
            return replace(expr, at=_fixed(expr.at, steps))
        case MatrixSelector(selector=selector):
            return replace(expr, selector=replace(selector, at=_fixed(selector.at, steps)))
        case Subquery():
            return replace(expr, expr=fix_bounds(expr.expr, steps), at=_fixed(expr.at, steps))
        case Call(function="start"):
            return NumberLiteral(steps.start_ms / 1000)
        case Call(function="end"):
            return NumberLiteral(steps.end_ms / 1000)
        case Call(function="range"):
            return NumberLiteral((steps.end_ms - steps.start_ms) / 1000)
        case Call(function="step"):
            return NumberLiteral(steps.step_ms / 1000)
        case Call():
            return replace(expr, args=tuple(fix_bounds(arg, steps) for arg in expr.args))
        case Aggregation():
            param = None if expr.param is None else fix_bounds(expr.param, steps)
            return replace(expr, expr=fix_bounds(expr.expr, steps), param=param)
        case Binary():
            return replace(expr, lhs=fix_bounds(expr.lhs, steps), rhs=fix_bounds(expr.rhs, steps))
        case Unary() | Paren():
            return replace(expr, expr=fix_bounds(expr.expr, steps))
        case _:
            assert_never(expr)


def is_step_invariant(expr: Expr) -> bool:
    """Say whether an expression gives the same at every step, so that one step is enough."""
    match expr:
        case NumberLiteral() | StringLiteral():
            return True
        case VectorSelector(at=at) | Subquery(at=at):
            return at is not None
        case MatrixSelector(selector=selector):
            return selector.at is not None
        case Call(function=function, args=args):
            return _is_invariant_call(function, args)
        case Aggregation():
            return is_step_invariant(expr.expr) and (
                expr.param is None or is_step_invariant(expr.param)
            )
        case Binary():
            return is_step_invariant(expr.lhs) and is_step_invariant(expr.rhs)
        case Unary() | Paren():
            return is_step_invariant(expr.expr)
        case _:
            assert_never(expr)


def _is_invariant_call(function: str, args: tuple[Expr, ...]) -> bool:
    if function in _CLOCK_FUNCTIONS or (function in _DATE_FUNCTIONS and not args):
        return False
    if function == "timestamp" and not isinstance(unwrap(args[0]), VectorSelector):
        # Only of a plain selector is it the sample's time; else it is the step's.
        return False
    return all(is_step_invariant(arg) for arg in args)


def _fixed(at: int | AtBound | None, steps: Steps) -> int | None:
    match at:
        case AtBound.START:
            return steps.start_ms
        case AtBound.END:
            return steps.end_ms
        case _:
            return at
