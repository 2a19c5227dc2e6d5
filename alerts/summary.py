"""How alerting does, in the few figures that the home page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from alerts.models import Alert, AlertState, Notification, NotificationStatus, Rule, RuleHealth
from alerts.models.notifications import UNDELIVERED, UNFINISHED

NOTIFICATION_WINDOW = timedelta(days=1)
FIRING_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingSummary:
    """Alerts, rules and notifications at one time.

    Attributes:
        firing: Alerts that fire.
        pending: Alerts whose hold duration has not passed.
        newest_firing: The firing alerts that began last.
        rules: Rules that are switched on.
        broken_rules: Those whose last evaluation failed.
        evaluated_rules: Those of groups that were evaluated within the last two minutes.
        sent: Notifications delivered within a day.
        failed: Notifications of the last day that failed for good.
        waiting: Notifications on their way.
    """

    firing: int
    pending: int
    newest_firing: list[Alert]
    rules: int
    broken_rules: int
    evaluated_rules: int
    sent: int
    failed: int
    waiting: int


def summarize_alerting(*, now: datetime) -> AlertingSummary:
    """Return how alerting does, in four queries."""
    alerts = Alert.objects.unresolved().aggregate(
        firing=Count("pk", filter=Q(state=AlertState.FIRING)),
        pending=Count("pk", filter=Q(state=AlertState.PENDING)),
    )
    evaluated = Q(group__evaluated_at__gte=now - timedelta(minutes=2))
    rules = Rule.objects.filter(enabled=True, group__enabled=True).aggregate(
        rules=Count("pk"),
        broken_rules=Count("pk", filter=Q(health=RuleHealth.ERROR)),
        evaluated_rules=Count("pk", filter=evaluated),
    )
    notifications = Notification.objects.filter(
        created_at__gte=now - NOTIFICATION_WINDOW
    ).aggregate(
        sent=Count("pk", filter=Q(status=NotificationStatus.SENT)),
        failed=Count("pk", filter=Q(status__in=UNDELIVERED)),
        waiting=Count("pk", filter=Q(status__in=UNFINISHED)),
    )
    newest = Alert.objects.firing().order_by("-fired_at")[:FIRING_SHOWN]
    return AlertingSummary(**alerts, **rules, **notifications, newest_firing=list(newest))
