"""Whether rules are evaluated in time, for the portal's health."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from alerts.models import RuleGroup
from observability.telemetry.health import CheckResult, Status

_INTERVALS = 3
_GRACE = timedelta(seconds=30)
_NAMES_SHOWN = 5


def check_rules() -> CheckResult:
    """Report groups that are overdue by three intervals and half a minute, or take longer than theirs."""
    late_since = timezone.now() - _GRACE
    late = list(
        RuleGroup.objects.filter(
            enabled=True,
            rules__enabled=True,
            next_evaluation_at__lt=late_since
            - F("interval_ms") * timedelta(milliseconds=_INTERVALS),
        )
        .distinct()
        .order_by("next_evaluation_at")
        .values_list("name", flat=True)
    )
    slow = list(
        RuleGroup.objects.filter(enabled=True, duration_ms__gt=F("interval_ms"))
        .order_by("-duration_ms")
        .values_list("name", flat=True)
    )
    if not late and slow:
        return CheckResult(
            status=Status.DEGRADED,
            message=f"{len(slow)} rule groups take longer than their interval, so iterations are missed. Give them longer intervals, or fewer rules.",
            details={"groups": slow[:_NAMES_SHOWN], "count": len(slow)},
        )
    if not late:
        return CheckResult(status=Status.OK, message="Rules are evaluated in time.")
    return CheckResult(
        status=Status.DEGRADED,
        message=f"{len(late)} rule groups are overdue. Are beat and the worker of the queue 'timely' running?",
        details={"groups": late[:_NAMES_SHOWN], "count": len(late)},
    )
