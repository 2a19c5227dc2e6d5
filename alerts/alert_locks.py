"""The locks that a change of alerts holds: first the groups of their rules, then the alerts."""

from __future__ import annotations

from collections.abc import Collection

from alerts.models import Alert, Rule, RuleGroup


def lock_alerts(alert_ids: Collection[int]) -> list[Alert]:
    """Lock these alerts until the transaction ends, and return those that there are.

    Evaluation holds the lock on a group's row while it writes the alerts of its rules (see
    `alerts.rules.changes`): whoever takes that first, in one order, never meets it half-way.
    """
    groups = RuleGroup.objects.filter(
        pk__in=Rule.objects.filter(alerts__in=alert_ids).order_by().values("group")
    )
    list(groups.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    alerts = Alert.objects.filter(pk__in=alert_ids).select_related("rule")
    return list(alerts.select_for_update(of=("self",)).order_by("pk"))
