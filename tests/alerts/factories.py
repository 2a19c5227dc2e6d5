"""Builders of rules, groups and alerts; a test states only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime

import factory

from alerts.models import Alert, AlertSource, AlertState, Rule, RuleGroup, Severity
from alerts.rules.fingerprints import fingerprint

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class RuleGroupFactory(factory.django.DjangoModelFactory[RuleGroup]):
    """An enabled group of 15 seconds, due at `NOW`."""

    class Meta:
        model = RuleGroup

    name = factory.Sequence(lambda n: f"Group {n}")
    next_evaluation_at = NOW


class RuleFactory(factory.django.DjangoModelFactory[Rule]):
    """An alerting rule in PromQL that fires at once."""

    class Meta:
        model = Rule

    group = factory.SubFactory(RuleGroupFactory)
    name = "HighLoad"
    expr = "load > 1"


class AlertFactory(factory.django.DjangoModelFactory[Alert]):
    """A firing alert of a rule; `labels` decide its name and fingerprint."""

    class Meta:
        model = Alert

    rule = factory.SubFactory(RuleFactory)
    source = AlertSource.RULE
    labels = factory.Sequence(
        lambda n: {"alertname": "HighLoad", "instance": f"node-{n}", "severity": "warning"}
    )
    name = factory.LazyAttribute(lambda alert: alert.labels["alertname"])
    fingerprint = factory.LazyAttribute(lambda alert: fingerprint(alert.labels))
    annotations = factory.Dict({"summary": "The load is high"})
    severity = factory.LazyAttribute(
        lambda alert: alert.labels.get("severity", Severity.WARNING.value)
    )
    state = AlertState.FIRING
    value = 2.0
    active_at = NOW
    fired_at = factory.LazyAttribute(
        lambda alert: None if alert.state == AlertState.PENDING else alert.active_at
    )
    resolved_at = factory.LazyAttribute(
        lambda alert: alert.active_at if alert.state == AlertState.RESOLVED else None
    )
