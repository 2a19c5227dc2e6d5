"""Alerts that one odd sample can set off."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from alerts.rules.lint.trees import walk
from observability.promql.syntax import Expr, MatrixSelector, Subquery, VectorSelector


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    if not subject.rule.alert or subject.rule.hold_ms:
        return
    # A window is a way of waiting as well.
    newest = walk(subject.expr, skip=_is_window)
    if any(isinstance(node, VectorSelector) for node in newest):
        yield Remark(
            "has no 'for', so a single sample fires it",
            "say how long the condition must hold, such as 'for: 5m'",
        )


def _is_window(node: Expr) -> bool:
    return isinstance(node, MatrixSelector | Subquery)


CHECK = Check(name="missing-for", look=_look)
