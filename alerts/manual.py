"""Alerts that somebody reports by hand; they stay until somebody resolves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from alerts.models import Alert, AlertSource, AlertState
from alerts.routing.dispatch import dispatch_alerts
from alerts.rules.fingerprints import fingerprint


class NotManualError(Exception):
    """The alert comes from a rule, which alone can tell when it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What somebody says is wrong.

    Attributes:
        name: Becomes the label alertname.
        severity: One of `Severity`; becomes a label, too.
        labels: Further labels.
        annotations: Texts for people; nothing in them is rendered.
    """

    name: str
    severity: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def report_alert(report: Report, *, now: datetime) -> tuple[Alert, bool]:
    """Let an alert fire, and say whether it is new.

    One with the same labels that still fires is the same alert; it gets the new annotations.
    """
    try:
        with transaction.atomic():
            return _report(report, now=now)
    except IntegrityError:
        # Somebody else has just reported the same, and the constraint has kept it to one row.
        with transaction.atomic():
            return _report(report, now=now)


def resolve_alert(alert_id: int, *, now: datetime) -> Alert:
    """Resolve a manual alert; resolving it again changes nothing.

    Raises:
        Alert.DoesNotExist: There is no such alert.
        NotManualError: It comes from a rule.
    """
    with transaction.atomic():
        alert = Alert.objects.select_for_update(of=("self",)).get(pk=alert_id)
        if not alert.is_manual:
            raise NotManualError(
                f"{alert.name} comes from a rule and is resolved when the rule's condition ends"
            )
        if alert.state != AlertState.RESOLVED:
            alert.state = AlertState.RESOLVED
            alert.resolved_at = now
            alert.save(update_fields=["state", "resolved_at"])
            dispatch_alerts([alert], now=now)
        return alert


def _report(report: Report, *, now: datetime) -> tuple[Alert, bool]:
    labels = {**report.labels, "alertname": report.name, "severity": report.severity}
    key = fingerprint(labels)
    alert = (
        Alert.objects.unresolved()
        .filter(source=AlertSource.MANUAL, fingerprint=key)
        .select_for_update(of=("self",))
        .first()
    )
    is_new = alert is None
    if alert is None:
        alert = Alert(
            source=AlertSource.MANUAL,
            fingerprint=key,
            name=report.name,
            labels=labels,
            severity=report.severity,
            state=AlertState.FIRING,
            active_at=now,
            fired_at=now,
        )
    alert.annotations = dict(report.annotations)
    alert.save()
    dispatch_alerts([alert], now=now)
    return alert, is_new
