"""What checks want to know about an expression without evaluating it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator

from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import MatchOp
from observability.promql.parser import children
from observability.promql.syntax import (
    Binary,
    BinaryOp,
    Call,
    Expr,
    NumberLiteral,
    Unary,
    VectorSelector,
    unwrap,
)

ABSENT = frozenset({"absent", "absent_over_time"})
"""Functions that give something where there is nothing."""

COUNTER_FUNCTIONS = frozenset({"rate", "irate", "increase"})

_NEVER_NEGATIVE = COUNTER_FUNCTIONS | {
    "abs", "sqrt", "exp", "changes", "resets", "time", "timestamp", "count_over_time",
    "present_over_time", "stddev_over_time", "stdvar_over_time",
}  # fmt: skip

_COMPARE: dict[BinaryOp, Callable[[float, float], bool]] = {
    BinaryOp.EQL: operator.eq,
    BinaryOp.NEQ: operator.ne,
    BinaryOp.GTR: operator.gt,
    BinaryOp.GTE: operator.ge,
    BinaryOp.LSS: operator.lt,
    BinaryOp.LTE: operator.le,
}

_MIRRORED = {
    BinaryOp.GTR: BinaryOp.LSS,
    BinaryOp.GTE: BinaryOp.LTE,
    BinaryOp.LSS: BinaryOp.GTR,
    BinaryOp.LTE: BinaryOp.GTE,
}


def walk(expr: Expr, *, skip: Callable[[Expr], bool] = lambda _: False) -> Iterator[Expr]:
    """Yield an expression and all in it; what `skip` names is left out with all inside."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if not skip(node):
            yield node
            waiting += reversed(children(node))


def is_absent_call(node: Expr) -> bool:
    """Say whether a node asks for what is not there."""
    return isinstance(node, Call) and node.function in ABSENT


def metric_of(selector: VectorSelector) -> str:
    """Return the metric that a selector names, '' when it names none or a pattern."""
    for matcher in selector.all_matchers:
        if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL:
            return matcher.value
    return ""


def comparisons(expr: Expr) -> Iterator[tuple[Expr, BinaryOp, float]]:
    """Yield each filtering comparison of something with a number: the thing, how, the number."""
    for node in walk(expr):
        if not isinstance(node, Binary) or not node.op.is_comparison or node.return_bool:
            continue
        left, right = constant_of(node.lhs), constant_of(node.rhs)
        if right is not None and left is None:
            yield unwrap(node.lhs), node.op, right
        elif left is not None and right is None:
            yield unwrap(node.rhs), _MIRRORED.get(node.op, node.op), left


def constant_of(expr: Expr) -> float | None:
    """Return the number that an expression of numbers alone is, None for any other."""
    match unwrap(expr):
        case NumberLiteral(value=value):
            return value
        case Unary(expr=inner, is_plus=is_plus):
            value_or_none = constant_of(inner)
            return value_or_none if is_plus or value_or_none is None else -value_or_none
        case Binary(op=op, lhs=lhs, rhs=rhs):
            left, right = constant_of(lhs), constant_of(rhs)
            if left is None or right is None:
                return None
            return _calculated(op, left, right)
        case _:
            return None


def always_same_value(expr: Expr) -> float | None:
    """Return the value that an expression has wherever it has one, None when values differ."""
    match unwrap(expr):
        case Binary(op=BinaryOp.DIV | BinaryOp.SUB as op, lhs=lhs, rhs=rhs) if constant_of(
            expr
        ) is None and str(unwrap(lhs)) == str(unwrap(rhs)):
            return 1.0 if op is BinaryOp.DIV else 0.0
        case _:
            return constant_of(expr)


def is_never_negative(expr: Expr) -> bool:
    """Say whether an expression has no values below 0, as far as its outermost part tells."""
    match unwrap(expr):
        case Call(function=function):
            return function in _NEVER_NEGATIVE
        case inner if op_of(inner) in ("count", "stddev", "stdvar", "group"):
            return True
        case inner if op_of(inner) in ("sum", "avg", "min", "max"):
            return all(is_never_negative(child) for child in children(inner))
        case _:
            return False


def op_of(expr: Expr) -> str:
    """Return the name of an aggregation, '' for any other expression."""
    return str(getattr(expr, "op", "")) if hasattr(expr, "grouping") else ""


def holds(left: float, op: BinaryOp, right: float) -> bool:
    """Say whether a comparison of two numbers is true."""
    return _COMPARE[op](left, right)


def _calculated(op: BinaryOp, left: float, right: float) -> float | None:
    match op:
        case BinaryOp.ADD:
            return left + right
        case BinaryOp.SUB:
            return left - right
        case BinaryOp.MUL:
            return left * right
        case BinaryOp.DIV:
            return left / right if right else None
        case BinaryOp.POW:
            try:
                power = left**right
            except (OverflowError, ZeroDivisionError):
                return None
            return power if isinstance(power, float) else None
        case _:
            return None
