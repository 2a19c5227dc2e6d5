"""All checks, and rules run past them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from alerts.rules.files.definitions import FileGroup
from alerts.rules.lint import (
    always_true,
    far_threshold,
    missing_for,
    missing_metric,
    never_true,
    rate_of_gauge,
    raw_counter,
    result_type,
    unmatched_matcher,
)
from alerts.rules.lint.finding import Check, Finding, Subject
from alerts.rules.lint.seen import NothingSeen, Seen
from observability.promql.errors import PromQLError
from observability.promql.parser import parse

CHECKS: Sequence[Check] = (
    result_type.CHECK,
    missing_metric.CHECK,
    unmatched_matcher.CHECK,
    rate_of_gauge.CHECK,
    raw_counter.CHECK,
    missing_for.CHECK,
    always_true.CHECK,
    never_true.CHECK,
    far_threshold.CHECK,
)
"""In the order in which findings of one rule are told."""

NAMES = tuple(check.name for check in CHECKS)


def lint(
    groups: Iterable[FileGroup],
    *,
    seen: Seen | None,
    recorded: Collection[str] = (),
    names: Collection[str] = NAMES,
) -> Iterator[Finding]:
    """Yield what checks find, rule by rule.

    Args:
        groups: The rules, which parse.
        seen: What has been recorded; None where no store is at hand, and then the checks that
            need one are left out.
        recorded: Names that other rules record.
        names: Of the checks to run.
    """
    checks = [
        check
        for check in CHECKS
        if check.name in names and (seen is not None or not check.needs_store)
    ]
    groups = list(groups)
    ours = frozenset(rule.record for group in groups for rule in group.rules if rule.record)
    for group in groups:
        for subject in _subjects(group, ours | frozenset(recorded)):
            for check in checks:
                for remark in check.look(subject, seen or NothingSeen()):
                    yield Finding(
                        check=check.name,
                        group=group.name,
                        rule=subject.rule.name,
                        number=subject.number,
                        place=subject.rule.places.get("expr", subject.rule.place),
                        remark=remark,
                    )


def checks_left_out(names: Collection[str]) -> list[str]:
    """Return those of the named checks that need a store."""
    return [check.name for check in CHECKS if check.needs_store and check.name in names]


def _subjects(group: FileGroup, recorded: frozenset[str]) -> Iterator[Subject]:
    for number, rule in enumerate(group.rules, 1):
        try:
            expr = parse(rule.expr)
        except PromQLError:
            continue
        yield Subject(group=group, rule=rule, number=number, expr=expr, recorded=recorded)
