"""The message about a group, from its rows: what is sent is what was true when it was flushed."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from alerts.models import Alert, AlertState
from alerts.routing.message import (
    NO_END,
    Message,
    MessageAlert,
    compose,
    format_value,
)


def snapshot(
    alerts: Iterable[Alert], *, group_key: str, group_labels: dict[str, str], receiver: str
) -> Message:
    """Return the message about these alerts, with links to the portal's own pages.

    Args:
        alerts: Firing and resolved alerts, their rules loaded.
        group_key: The group's key.
        group_labels: The labels that the group's alerts share by its definition.
        receiver: The name of the receiver.
    """
    return compose(
        [_message_alert(alert) for alert in alerts],
        group_key=group_key,
        group_labels=group_labels,
        receiver=receiver,
        external_url=external_url(),
    )


def external_url(path: str = "") -> str:
    """Return the address of one of the portal's pages as people outside reach it."""
    return settings.EXTERNAL_URL.rstrip("/") + path


def query_url(expr: str) -> str:
    """Return the address of the page that shows a PromQL expression over time."""
    return external_url(reverse("metrics-query") + "?" + urlencode({"expr": expr}))


def _message_alert(alert: Alert) -> MessageAlert:
    expr = alert.rule.expr if alert.rule is not None else ""
    is_firing = alert.state == AlertState.FIRING
    return MessageAlert(
        status="firing" if is_firing else "resolved",
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.started_at,
        ends_at=NO_END if is_firing else alert.resolved_at or NO_END,
        generator_url=query_url(expr) if expr else "",
        fingerprint=alert.fingerprint,
        name=alert.name,
        severity=alert.severity,
        value=format_value(alert.value),
        expr=expr,
        alert_url=external_url(alert.get_absolute_url()),
    )
