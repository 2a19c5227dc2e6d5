"""Expressions that parse and that no rule can use."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from observability.promql.signatures import ValueType
from observability.promql.typecheck import value_type


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    kind = value_type(subject.expr)
    if kind not in (ValueType.VECTOR, ValueType.SCALAR):
        yield Remark(
            f"gives a {kind}, so every evaluation of it fails",
            "a rule needs an instant vector or a scalar, such as rate(...) of a range vector",
        )


CHECK = Check(name="result-type", look=_look)
