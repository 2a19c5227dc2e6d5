"""Alerts that somebody reports by hand, and the end of those that no rule can resolve."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from alerts.alert_locks import lock_alerts
from alerts.models import Alert, AlertEvent, AlertEventKind, AlertSource, AlertState, RuleGroup
from alerts.routing.dispatch import dispatch_alerts
from alerts.rules.fingerprints import fingerprint


class NotManualError(Exception):
    """The alert comes from a rule that has data, and so can tell when it is over."""


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


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of alerts that somebody has resolved.

    Attributes:
        resolved: Those that are resolved now, or were already.
        refused: Those that only their rule can resolve.
    """

    resolved: list[Alert]
    refused: list[Alert]


def resolve_alert(alert_id: int, *, by: str = "", now: datetime) -> Alert:
    """Resolve an alert as `resolve_alerts` does; resolving it again changes nothing.

    Raises:
        Alert.DoesNotExist: There is no such alert.
        NotManualError: It comes from a rule that can tell when it is over.
    """
    done = resolve_alerts([alert_id], by=by, now=now)
    if done.refused:
        raise NotManualError(
            f"{done.refused[0].name} comes from a rule and is resolved when the rule's condition ends"
        )
    if not done.resolved:
        raise Alert.DoesNotExist
    return done.resolved[0]


@transaction.atomic
def resolve_alerts(alert_ids: Collection[int], *, by: str = "", now: datetime) -> Resolution:
    """Resolve alerts by hand: those that were reported so, and those of rules without data.

    A rule whose data is gone cannot tell whether its alert is over, so people may.
    """
    alerts = lock_alerts(alert_ids)
    refused = [alert for alert in alerts if not alert.may_be_resolved_by_hand]
    resolved = [alert for alert in alerts if alert.may_be_resolved_by_hand]
    ending = [alert for alert in resolved if alert.state != AlertState.RESOLVED]
    for alert in ending:
        alert.state = AlertState.RESOLVED
        alert.resolved_at = now
        alert.acknowledged_at = None
    Alert.objects.filter(pk__in=[alert.pk for alert in ending]).update(
        state=AlertState.RESOLVED, resolved_at=now, acknowledged_at=None
    )
    AlertEvent.objects.bulk_create(
        [
            AlertEvent(alert=alert, kind=AlertEventKind.RESOLVED_BY_HAND, at=now, by=by)
            for alert in ending
        ],
        batch_size=1_000,
    )
    # What a process remembers of these rules' alerts ends here.
    RuleGroup.objects.filter(
        pk__in={alert.rule.group_id for alert in ending if alert.rule is not None}
    ).update(version=F("version") + 1)
    # Nobody has heard of one that was only pending.
    dispatch_alerts([alert for alert in ending if alert.fired_at is not None], now=now)
    return Resolution(resolved, refused)


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
