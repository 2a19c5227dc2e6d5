"""Alerts that fire whatever the values are."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from alerts.rules.lint.trees import (
    always_same_value,
    comparisons,
    holds,
    is_absent_call,
    is_never_negative,
    walk,
)
from observability.promql.parser import children
from observability.promql.syntax import (
    Aggregation,
    Binary,
    BinaryOp,
    Call,
    Expr,
    Subquery,
    Unary,
    VectorSelector,
    unwrap,
)


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    if not subject.rule.alert or _is_choosy(subject.expr):
        return
    if not any(isinstance(node, VectorSelector) for node in walk(subject.expr)):
        yield Remark(
            "gives a result at every evaluation, so it always fires",
            "that is right for a dead man's switch alone; otherwise compare a metric",
        )
    elif any(isinstance(node, Binary) and node.return_bool for node in walk(subject.expr)):
        yield Remark(
            "compares with 'bool', which gives 0 or 1, and an alert fires for either",
            "leave 'bool' out",
        )
    elif any(True for _ in comparisons(subject.expr)):
        yield Remark(
            "has a comparison that is always true",
            "compare with something that the value can fail",
        )
    else:
        yield Remark(
            "fires for every series there is, whatever its value",
            "compare it, such as with '> 0'",
        )


def _is_choosy(expr: Expr) -> bool:
    """Say whether an expression can have no result where its metrics have samples."""
    match unwrap(expr):
        case Binary(op=op, lhs=lhs, rhs=rhs) as binary:
            if op in (BinaryOp.AND, BinaryOp.UNLESS):
                return True
            if op is BinaryOp.OR:
                return _is_choosy(lhs) and _is_choosy(rhs)
            inside = _is_choosy(lhs) or _is_choosy(rhs)
            return inside or (op.is_comparison and not binary.return_bool and _can_fail(binary))
        case node if is_absent_call(node):
            return True
        case Call(function="scalar"):
            return False
        case Call(args=args):
            return any(map(_is_choosy, args))
        case Aggregation(expr=inner) | Unary(expr=inner) | Subquery(expr=inner):
            return _is_choosy(inner)
        case node:
            return any(map(_is_choosy, children(node)))


def _can_fail(binary: Binary) -> bool:
    if str(unwrap(binary.lhs)) == str(unwrap(binary.rhs)):
        return binary.op not in (BinaryOp.EQL, BinaryOp.LTE, BinaryOp.GTE)
    for value, op, number in comparisons(binary):
        if value not in (unwrap(binary.lhs), unwrap(binary.rhs)):
            continue
        same = always_same_value(value)
        if same is not None:
            return not holds(same, op, number)
        if is_never_negative(value):
            return not ((op is BinaryOp.GTE and number <= 0) or (op is BinaryOp.GTR and number < 0))
    return True


CHECK = Check(name="always-true", look=_look)
