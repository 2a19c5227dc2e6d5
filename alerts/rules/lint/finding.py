"""What lint looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from alerts.rules.files.definitions import FileGroup, FileRule, Place
from alerts.rules.lint.seen import Seen
from observability.promql.labels import quote
from observability.promql.syntax import Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A rule under the eye of a check.

    Attributes:
        group: Its group.
        rule: The rule.
        number: Which of the group's rules, from 1.
        expr: Its expression.
        recorded: Names that rules record, which may not have been recorded yet.
    """

    group: FileGroup
    rule: FileRule
    number: int
    expr: Expr
    recorded: frozenset[str]


@dataclass(frozen=True, slots=True)
class Remark:
    """What a check says about a rule.

    Attributes:
        message: What is wrong, a sentence without its full stop.
        advice: What would be right.
    """

    message: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A remark with the rule that it is about.

    Attributes:
        check: The check's name, by which it is chosen.
        group: The group's name.
        rule: The rule's name.
        number: Which of the group's rules, from 1.
        place: Where its expression stands in the file.
        remark: What is said.
    """

    check: str
    group: str
    rule: str
    number: int
    place: Place
    remark: Remark

    def __str__(self) -> str:
        return (
            f"{self.place}: group {quote(self.group)}, rule {self.number}, {quote(self.rule)}: "
            f"{self.remark.message}; {self.remark.advice} ({self.check})"
        )


Look = Callable[[Subject, Seen], Iterator[Remark]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that lint looks for.

    Attributes:
        name: Such as `missing-for`.
        needs_store: Whether it can tell nothing without recorded metrics.
        look: Yields what is found.
    """

    name: str
    needs_store: bool = False
    look: Look
