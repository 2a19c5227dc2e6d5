"""Rule groups as they are evaluated, made of rule files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts.rules.data_expression import data_expression
from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.files.reading import load_rule_file
from alerts.rules.rule_evaluation import AlertingRule, RecordingRule, Rule
from alerts.rules.states import Terms
from observability.promql import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated in their order, as of one time.

    Attributes:
        name: The group's name.
        query_offset_ms: How far back expressions are evaluated.
        limit: Alerts or series that one rule may have; 0 for any number.
        rules: The rules.
    """

    name: str
    query_offset_ms: int = 0
    limit: int = 0
    rules: Sequence[Rule] = ()


def load_groups(
    paths: Iterable[Path], *, order: Sequence[str], ignore_unknown_fields: bool = False
) -> list[Group]:
    """Return the groups of rule files in the order of their evaluation.

    Args:
        paths: The files; one that comes twice counts once.
        order: Names of groups; those that are not among them are evaluated with the first.
        ignore_unknown_fields: Whether files may have fields that Prometheus does not know.

    Raises:
        RuleFileError: A file cannot be read or is wrong.
    """
    groups = [
        _group(group)
        for path in dict.fromkeys(paths)
        for group in load_rule_file(path, ignore_unknown_fields=ignore_unknown_fields).groups
    ]
    places = {name: place for place, name in enumerate(order)}
    return sorted(groups, key=lambda group: places.get(group.name, 0))


def _group(group: FileGroup) -> Group:
    return Group(
        name=group.name,
        query_offset_ms=group.query_offset_ms or 0,
        limit=group.limit,
        rules=[_rule(rule, group) for rule in group.rules if group.enabled and rule.enabled],
    )


def _rule(rule: FileRule, group: FileGroup) -> Rule:
    expr = parse(rule.expr)
    labels = {**group.labels, **rule.labels}
    if rule.record:
        return RecordingRule(name=rule.record, expr=expr, labels=labels)
    terms = Terms(
        hold_ms=rule.hold_ms,
        keep_firing_ms=rule.keep_firing_ms,
        labels={**labels, "alertname": rule.alert},
        annotations=rule.annotations,
        on_no_data=rule.on_no_data,
        on_error=rule.on_error,
    )
    return AlertingRule(
        name=rule.alert,
        expr=expr,
        terms=terms,
        data_expr=data_expression(expr),
        resolve_expr=parse(rule.resolve_expr) if rule.resolve_expr else None,
    )
