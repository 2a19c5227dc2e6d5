"""`/api/v1/rules`: rule groups with their rules, and how their last evaluation went.

However many there are, four statements read them, and an answer is made while it is sent.
Disabled rules and groups are not in it: Prometheus lists what is evaluated.

Source: Prometheus 3, web/api/v1/api.go (`rules`), rules/manager.go (`RuleGroups`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import groupby

from django.db.models import Count, Q
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from alerts.models import Alert, AlertState, Rule, RuleGroup
from alerts.prometheus_api.active_alerts import ActiveAlert, active_alerts, alert_parts
from alerts.prometheus_api.choice import Choice, read_choice
from alerts.prometheus_api.numbers import seconds, time_text
from alerts.prometheus_api.order import file_of, rule_order
from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics.prometheus_api.answers import encode
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import BadParameterError, PrometheusView
from observability.promql import PromQLError, parse

_RULES_AT_ONCE = 500
# Texts of expressions that are known, for parsing them takes longer than all else.
_KNOWN_EXPRESSIONS = 20_000
_GROUP_FIELDS = ("pk", "file", "name", "interval_ms", "limit", "labels", "evaluated_at", "duration_ms", "rule_durations_ms")  # fmt: skip
_RULE_FIELDS = ("pk", "group_id", "position", "kind", "name", "expr", "hold_ms", "keep_firing_ms", "severity", "labels", "annotations", "health", "last_error")  # fmt: skip


class RulesView(PrometheusView):
    """List rules."""

    permission_classes = [requires(read=Scope.ALERTS_READ)]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with the groups that the request asks for, by file and name."""
        choice = read_choice(request)
        return answer(request, _parts(_groups(choice), choice))


def group_token(group: RuleGroup) -> str:
    """Return what names a group in `group_next_token`."""
    return hashlib.sha256(f"{file_of(group.file)};{group.name}".encode()).hexdigest()


def _groups(choice: Choice) -> dict[int, RuleGroup]:
    """Return the groups that may be in the answer by id, in order.

    Raises:
        BadParameterError: The token names none of all groups.
    """
    found = RuleGroup.objects.filter(enabled=True).order_by().only(*_GROUP_FIELDS)
    groups = sorted(found, key=lambda group: (file_of(group.file), group.name))
    if choice.next_token:
        tokens = [group_token(group) for group in groups]
        if choice.next_token not in tokens:
            message = f"invalid group_next_token '{choice.next_token}'. were rule groups changed?"
            raise BadParameterError("group_next_token", message)
        groups = groups[tokens.index(choice.next_token) :]
    return {
        group.pk: group
        for group in groups
        if (not choice.group_names or group.name in choice.group_names)
        and (not choice.files or file_of(group.file) in choice.files)
    }


def _parts(groups: Mapping[int, RuleGroup], choice: Choice) -> Iterator[bytes]:
    """Yield the answer; a group of which no rule is in it is left out."""
    alerts = _AlertsOfRules(groups, choice)
    yield b'{"status":"success","data":{"groups":['
    next_token = b""
    listed = groupby(_rules(groups, choice), key=lambda rule: rule.group_id)
    for number, (group_id, rules) in enumerate(listed):
        group = groups[group_id]
        if number == choice.group_limit:
            next_token = b',"groupNextToken":' + encode(group_token(group))
            break
        yield b"," if number else b""
        yield from _group_parts(group, rules, alerts)
    yield b"]" + next_token + b"}}"


def _rules(groups: Mapping[int, RuleGroup], choice: Choice) -> Iterator[Rule]:
    rules = Rule.objects.filter(enabled=True, group__in=list(groups), kind__in=choice.kinds)
    if choice.rule_names:
        rules = rules.filter(name__in=choice.rule_names)
    for rule in rules.order_by(*rule_order()).only(*_RULE_FIELDS).iterator(_RULES_AT_ONCE):
        rule.group = groups[rule.group_id]
        if choice.takes_labels(_labels(rule)):
            yield rule


def _group_parts(
    group: RuleGroup, rules: Iterator[Rule], alerts: _AlertsOfRules
) -> Iterator[bytes]:
    yield encode({"name": group.name, "file": file_of(group.file)})[:-1] + b',"rules":['
    comma = b""
    for rule in rules:
        yield comma
        yield from _rule_parts(rule, alerts)
        comma = b","
    about = {
        "interval": seconds(group.interval_ms),
        "limit": group.limit,
        "evaluationTime": seconds(group.duration_ms),
        "lastEvaluation": time_text(group.evaluated_at),
    }
    yield b"]," + encode(about)[1:]


def _rule_parts(rule: Rule, alerts: _AlertsOfRules) -> Iterator[bytes]:
    what = {"name": rule.name, "query": _canonical(rule.expr)}
    labels = dict(sorted(_labels(rule).items()))
    how = {
        "health": rule.health,
        **({"lastError": rule.last_error} if rule.last_error else {}),
        "evaluationTime": seconds(rule.duration_ms),
        "lastEvaluation": time_text(rule.evaluated_at),
        "type": rule.kind,
    }
    if rule.is_recording:
        yield encode({**what, "labels": labels, **how})
        return
    terms = {
        "duration": seconds(rule.hold_ms),
        "keepFiringFor": seconds(rule.keep_firing_ms),
        "labels": labels,
        "annotations": dict(sorted(rule.annotations.items())),
    }
    yield encode({"state": alerts.state(rule), **what, **terms})[:-1] + b',"alerts":'
    yield from alerts.parts(rule)
    yield b"," + encode(how)[1:]


class _AlertsOfRules:
    """The alerts of rules that are asked about in their order.

    They are read by a statement of their own, between which and that of the rules both may change:
    what fits nowhere any more is left out.
    """

    def __init__(self, groups: Collection[int], choice: Choice) -> None:
        has_any = bool(groups) and "alerting" in choice.kinds
        self._places = {group_id: place for place, group_id in enumerate(groups)}
        self._firing = dict(_firing_counts(groups)) if has_any else {}
        self._rows = active_alerts(groups) if has_any and choice.has_alerts else None
        self._next: ActiveAlert | None = None

    def state(self, rule: Rule) -> str:
        """Return the state of a rule: the furthest of its alerts."""
        if rule.pk in self._firing:
            return AlertState.FIRING if self._firing[rule.pk] else AlertState.PENDING
        return "unknown" if rule.evaluated_at is None else "inactive"

    def parts(self, rule: Rule) -> Iterator[bytes]:
        """Yield a rule's alerts as a JSON list; null when nobody wants to see them."""
        if self._rows is None:
            yield b"null"
            return
        yield b"["
        yield from alert_parts(self._of(rule, self._rows))
        yield b"]"

    def _of(self, rule: Rule, rows: Iterator[ActiveAlert]) -> Iterator[ActiveAlert]:
        """Yield the alerts of one rule; those of rules before it, which are not listed, are lost."""
        wanted = (self._places[rule.group_id], rule.position, rule.pk)
        while alert := self._next or next(rows, None):
            self._next = alert
            place = (self._places[alert.group_id], alert.position, alert.rule_id)
            if place > wanted:
                return
            self._next = None
            if place == wanted:
                yield alert


def _firing_counts(groups: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield each rule that has active alerts, and how many of them fire."""
    active = Alert.objects.unresolved().filter(rule__group__in=list(groups)).order_by()
    counted = active.values_list("rule_id").annotate(
        firing=Count("pk", filter=Q(state=AlertState.FIRING))
    )
    return counted.iterator(_RULES_AT_ONCE)


def _labels(rule: Rule) -> dict[str, str]:
    """Return the labels that a rule gives, without the name of its alerts."""
    if rule.is_recording:
        return {**rule.group.labels, **rule.labels}
    labels = rule.alert_labels()
    del labels["alertname"]
    return labels


@lru_cache(maxsize=_KNOWN_EXPRESSIONS)
def _canonical(expr: str) -> str:
    try:
        return str(parse(expr))
    except PromQLError:
        return expr
