"""Rows of groups and rules as they stand in a file, and rows from what a file says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Prefetch, QuerySet

from alerts.models import Rule, RuleGroup, RuleKind, Severity
from alerts.rules.condition import read_condition
from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.states import Otherwise

SEVERITY = "severity"
_DEFAULT_INTERVAL_MS = int(RuleGroup._meta.get_field("interval_ms").get_default())
_SEVERITIES = frozenset(Severity.values)


def with_rules(groups: QuerySet[RuleGroup]) -> QuerySet[RuleGroup]:
    """Return groups with their rules read along, in the order of their evaluation."""
    rules = Rule.objects.order_by("position", "pk")
    return groups.prefetch_related(Prefetch("rules", queryset=rules))


def file_group(group: RuleGroup) -> FileGroup:
    """Return a group, whose rules are read along, as it stands in a file."""
    return FileGroup(
        name=group.name,
        interval_ms=group.interval_ms,
        query_offset_ms=group.query_offset_ms,
        limit=group.limit,
        labels=group.labels,
        owner=group.owner,
        enabled=group.enabled,
        rules=[file_rule(rule) for rule in group.rules.all()],
    )


def file_rule(rule: Rule) -> FileRule:
    """Return a rule as it stands in a file."""
    if rule.kind == RuleKind.RECORDING:
        return FileRule(record=rule.name, expr=rule.expr, labels=rule.labels, enabled=rule.enabled)
    severity = {SEVERITY: rule.severity} if rule.severity else {}
    return FileRule(
        alert=rule.name,
        expr=rule.expr,
        hold_ms=rule.hold_ms,
        keep_firing_ms=rule.keep_firing_ms,
        labels={**rule.labels, **severity},
        annotations=rule.annotations,
        resolve_expr=rule.resolve_expr,
        on_no_data=Otherwise(rule.on_no_data),
        on_error=Otherwise(rule.on_error),
        enabled=rule.enabled,
        form=_form_as_kept(rule.form),
    )


def as_kept(group: FileGroup) -> FileGroup:
    """Return a group of a file as it will read when it is written from its rows."""
    return replace(
        group,
        interval_ms=group.interval_ms or _DEFAULT_INTERVAL_MS,
        # As in Prometheus, where every number below one is no limit.
        limit=max(group.limit, 0),
        labels=dict(group.labels),
        rules=[_rule_as_kept(rule) for rule in group.rules],
    )


def put_group(row: RuleGroup, group: FileGroup) -> RuleGroup:
    """Put what a file says of a group into its row; the row is returned."""
    row.name = group.name
    row.owner = group.owner
    row.interval_ms = group.interval_ms or _DEFAULT_INTERVAL_MS
    row.limit = group.limit
    row.query_offset_ms = group.query_offset_ms
    row.labels = dict(group.labels)
    row.enabled = group.enabled
    return row


def put_rule(row: Rule, rule: FileRule) -> Rule:
    """Put what a file says of a rule into its row; the row is returned."""
    for field, value in _fields(rule).items():
        setattr(row, field, value)
    return row


def rows_by_name(groups: Iterable[RuleGroup]) -> Mapping[str, RuleGroup]:
    """Return groups by their names, of which there is one each."""
    return {group.name: group for group in groups}


def rules_of(group: RuleGroup) -> Sequence[Rule]:
    """Return the rules that were read along with a group, in their order."""
    return list(group.rules.all())


def _rule_as_kept(rule: FileRule) -> FileRule:
    return replace(
        rule,
        form=_form_as_kept(rule.form),
        labels=dict(rule.labels),
        annotations=dict(rule.annotations),
    )


def _form_as_kept(form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a form with all its fields, numbers as they are read from JSON made floats again."""
    return None if form is None else read_condition(form).as_form()


def _fields(rule: FileRule) -> dict[str, Any]:
    labels = dict(rule.labels)
    severity = ""
    if rule.alert and labels.get(SEVERITY) in _SEVERITIES:
        severity = labels.pop(SEVERITY)
    return {
        "name": rule.name,
        "kind": RuleKind.ALERTING if rule.alert else RuleKind.RECORDING,
        "expr": rule.expr,
        "form": rule.form,
        "resolve_expr": rule.resolve_expr,
        "on_no_data": str(rule.on_no_data),
        "on_error": str(rule.on_error),
        "hold_ms": rule.hold_ms,
        "keep_firing_ms": rule.keep_firing_ms,
        "severity": severity,
        "labels": labels,
        "annotations": dict(rule.annotations),
        "enabled": rule.enabled,
    }
