"""Every change of rules and rule groups, by whichever door it comes.

A change first locks the rows of the groups it touches, in one order, as evaluation does when
it records (see `alerts.rules.evaluation`): the two follow one another and never meet half-way.
Afterwards the groups are due at once, and alerts that nobody evaluates any more are resolved.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet

from alerts.models import Alert, AlertState, Rule, RuleGroup
from alerts.routing.dispatch import dispatch_alerts
from alerts.wakeups import wake_evaluation


@transaction.atomic
def save_rule(rule: Rule, *, now: datetime) -> None:
    """Save a new or changed rule; a new one comes last in its group."""
    group_ids = {rule.group_id}
    if rule.pk:
        group_ids |= set(Rule.objects.filter(pk=rule.pk).values_list("group_id", flat=True))
    _lock(group_ids)
    if rule.pk is None:
        last = Rule.objects.filter(group=rule.group_id).aggregate(last=Max("position"))["last"]
        rule.position = 0 if last is None else last + 1
    rule.save()
    _settle(group_ids, now=now)


@transaction.atomic
def delete_rules(rules: QuerySet[Rule], *, now: datetime) -> None:
    """Delete rules and resolve their alerts, which stay as history."""
    group_ids = set(rules.values_list("group_id", flat=True))
    _lock(group_ids)
    rules.delete()
    _settle(group_ids, now=now)


@transaction.atomic
def enable_rules(rules: QuerySet[Rule], *, enabled: bool, now: datetime) -> int:
    """Switch rules on or off and return how many were switched."""
    rules = rules.exclude(enabled=enabled)
    group_ids = set(rules.values_list("group_id", flat=True))
    _lock(group_ids)
    # In this order: `rules` no longer finds them once they are switched.
    switched = rules.update(enabled=enabled, updated_at=now)
    _settle(group_ids, now=now)
    return switched


@transaction.atomic
def save_group(group: RuleGroup, *, now: datetime) -> None:
    """Save a new or changed group, and leave alone what evaluation keeps in its row."""
    if group.pk is None:
        group.next_evaluation_at = now
        group.save()
    else:
        _lock({group.pk})
        group.save(update_fields=["name", "interval_seconds", "enabled"])
    _settle({group.pk}, now=now)


@transaction.atomic
def enable_groups(groups: QuerySet[RuleGroup], *, enabled: bool, now: datetime) -> int:
    """Switch groups on or off and return how many were switched."""
    group_ids = set(groups.exclude(enabled=enabled).values_list("pk", flat=True))
    _lock(group_ids)
    switched = RuleGroup.objects.filter(pk__in=group_ids).update(enabled=enabled)
    _settle(group_ids, now=now)
    return switched


@transaction.atomic
def delete_groups(groups: QuerySet[RuleGroup], *, now: datetime) -> None:
    """Delete groups with their rules, and resolve the rules' alerts."""
    group_ids = set(groups.values_list("pk", flat=True))
    _lock(group_ids)
    RuleGroup.objects.filter(pk__in=group_ids).delete()
    _settle(group_ids, now=now)


@transaction.atomic
def resolve_abandoned(*, now: datetime) -> int:
    """Resolve alerts whose rule is gone or switched off, and return how many there were.

    Every change here does so by itself; called each second as well, it also catches what was
    changed by other ways, such as a deletion in SQL.
    """
    if not Alert.objects.abandoned().exists():
        return 0
    groups = RuleGroup.objects.filter(rules__alerts__in=Alert.objects.abandoned())
    _lock(set(groups.values_list("pk", flat=True)))
    alerts = list(Alert.objects.abandoned().select_for_update(of=("self",)))
    firing = [alert for alert in alerts if alert.state == AlertState.FIRING]
    for alert in firing:
        alert.state = AlertState.RESOLVED
        alert.resolved_at = now
    Alert.objects.bulk_update(firing, ["state", "resolved_at"], batch_size=500)
    pending = [alert.pk for alert in alerts if alert.state == AlertState.PENDING]
    Alert.objects.filter(pk__in=pending).delete()
    dispatch_alerts(firing, now=now)
    return len(alerts)


def _lock(group_ids: Collection[int]) -> None:
    groups = RuleGroup.objects.filter(pk__in=group_ids)
    list(groups.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def _settle(group_ids: Collection[int], *, now: datetime) -> None:
    RuleGroup.objects.filter(pk__in=group_ids).update(next_evaluation_at=now)
    resolve_abandoned(now=now)
    transaction.on_commit(wake_evaluation)
