"""Builders of rules, groups and alerts; a test states only what matters to it."""

# factory_boy declares its fields without types.
# mypy: disable-error-code="no-untyped-call, attr-defined"

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory

from alerts.models import (
    Alert,
    AlertSource,
    AlertState,
    Integration,
    Notification,
    NotificationReason,
    Receiver,
    Rule,
    RuleGroup,
    Severity,
)
from alerts.routing.message import Message, MessageAlert, compose
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


class ReceiverFactory(factory.django.DjangoModelFactory[Receiver]):
    """A receiver without integrations."""

    class Meta:
        model = Receiver

    name = factory.Sequence(lambda n: f"team {n}")


class IntegrationFactory(factory.django.DjangoModelFactory[Integration]):
    """An e-mail integration with one recipient."""

    class Meta:
        model = Integration

    receiver = factory.SubFactory(ReceiverFactory)
    kind = "email"
    config = factory.Dict({"recipients": ["oncall@example.com"]})


class NotificationFactory(factory.django.DjangoModelFactory[Notification]):
    """A notification without a group about one firing alert, due at `NOW`."""

    class Meta:
        model = Notification

    integration = factory.SubFactory(IntegrationFactory)
    receiver_name = factory.LazyAttribute(lambda row: row.integration.receiver.name)
    kind = factory.LazyAttribute(lambda row: row.integration.kind)
    reason = NotificationReason.FIRST
    payload = factory.LazyFunction(lambda: message().to_json())
    title = factory.LazyAttribute(lambda row: Message.from_json(row.payload).title)
    thread = "group-1"
    idempotency_key = factory.Sequence(lambda n: f"1:1:{n}")
    due_at = NOW
    next_attempt_at = NOW
    created_at = NOW


def message_alert(**fields: Any) -> MessageAlert:
    """Return a firing alert as a message carries it."""
    labels = fields.pop(
        "labels", {"alertname": "HighLoad", "instance": "node-1", "severity": "warning"}
    )
    return MessageAlert(
        **{
            "status": "firing",
            "labels": labels,
            "annotations": {"summary": "The load is high"},
            "starts_at": NOW,
            "fingerprint": fingerprint(labels),
            "name": labels["alertname"],
            "severity": labels["severity"],
            "value": "2",
            "expr": "load > 1",
            "generator_url": "http://portal.example/admin/metrics/query/?expr=load",
            "alert_url": "http://portal.example/admin/alerts/alert/1/change/",
            **fields,
        }
    )


def message(*alerts: MessageAlert) -> Message:
    """Return a message about these alerts, by default about one that fires."""
    return compose(
        alerts or [message_alert()],
        group_key='{}:{alertname="HighLoad"}',
        group_labels={"alertname": "HighLoad"},
        receiver="on-call",
        external_url="http://portal.example",
    )
