"""What is known of an expression before any sample is read: types, fixed times, invariance."""

from dataclasses import replace
from typing import assert_never

from observability.promql.duration_expressions import work_out
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


def fix_bounds(expr: Expr, steps: Steps) -> Expr:
    """Return `expr` with all that depends on the query's times replaced by what it stands for.

    That is `start()`, `end()`, `range()`, `step()`, also after `@` and in durations. It happens
    before evaluation, because inside a subquery they still mean the whole query.
    """
    match expr:
        case NumberLiteral() | StringLiteral():
            return expr
        case VectorSelector():
            return _fixed_selector(expr, steps)
        case MatrixSelector(selector=selector):
            return replace(
                expr, selector=_fixed_selector(selector, steps), range=work_out(expr.range, steps)
            )
        case Subquery():
            return replace(
                expr,
                expr=fix_bounds(expr.expr, steps),
                range=work_out(expr.range, steps),
                step=None if expr.step is None else work_out(expr.step, steps),
                offset=work_out(expr.offset, steps, may_be_negative=True),
                at=_fixed(expr.at, steps),
            )
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


def _fixed_selector(selector: VectorSelector, steps: Steps) -> VectorSelector:
    return replace(
        selector,
        offset=work_out(selector.offset, steps, may_be_negative=True),
        at=_fixed(selector.at, steps),
    )


def _fixed(at: int | AtBound | None, steps: Steps) -> int | None:
    match at:
        case AtBound.START:
            return steps.start_ms
        case AtBound.END:
            return steps.end_ms
        case _:
            return at
