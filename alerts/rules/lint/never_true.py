"""Comparisons that no value can satisfy."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from alerts.rules.lint.trees import (
    always_same_value,
    comparisons,
    holds,
    is_never_negative,
    op_of,
)
from observability.promql.go_floats import plain
from observability.promql.syntax import BinaryOp


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    for value, op, number in comparisons(subject.expr):
        same = always_same_value(value)
        if op_of(value) == "count" and not _can_be(1, op, number):
            yield Remark(
                f"'{value}' {op} {plain(number)} is never true: the count of no series is no series"
                " and not 0",
                "ask for what is missing with absent(...), or put 'or vector(0)' behind the count",
            )
        elif same is not None and not holds(same, op, number):
            yield Remark(
                f"'{value}' is always {plain(same)}, so it is never {op} {plain(number)}",
                "divide by, or take away, something else",
            )
        elif is_never_negative(value) and not _can_be(0, op, number):
            yield Remark(
                f"'{value}' is never below 0, so it is never {op} {plain(number)}",
                "turn the comparison round, or use another threshold",
            )


def _can_be(least: float, op: BinaryOp, number: float) -> bool:
    """Say whether a value of at least `least` can satisfy a comparison."""
    match op:
        case BinaryOp.EQL:
            return number >= least
        case BinaryOp.LSS:
            return number > least
        case BinaryOp.LTE:
            return number >= least
        case _:
            return True


CHECK = Check(name="never-true", look=_look)
