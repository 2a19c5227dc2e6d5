"""Every change of rules and rule groups, by whichever door it comes.

A change first locks the rows of the groups it touches, in one order, as evaluation does when
it records (see `alerts.rules.evaluation`): the two follow one another and never meet half-way.
Afterwards the groups are due at once, alerts that nobody evaluates any more are resolved, and
the history of rules has a row more for each thing that has really changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from alerts.models import Alert, AlertState, RevisionAction, Rule, RuleGroup
from alerts.routing.dispatch import dispatch_alerts
from alerts.rules.ended_series import end_series
from alerts.rules.group_writes import GroupWrite
from alerts.rules.revisions import (
    GROUP_FIELDS,
    NOBODY,
    RULE_FIELDS,
    Author,
    definition_of,
    note,
)
from alerts.wakeups import wake_evaluation
from observability.metrics.backend import get_backend

_BATCH = 500


@transaction.atomic
def save_rule(rule: Rule, *, now: datetime, author: Author = NOBODY) -> None:
    """Save a new or changed rule; a new one comes last in its group."""
    before = list(Rule.objects.select_related("group").filter(pk=rule.pk)) if rule.pk else []
    group_ids = {rule.group_id, *(one.group_id for one in before)}
    _lock(group_ids)
    if rule.pk is None:
        last = Rule.objects.filter(group=rule.group_id).aggregate(last=Max("position"))["last"]
        rule.position = 0 if last is None else last + 1
    rule.save()
    note(
        [rule],
        RevisionAction.CHANGED if before else RevisionAction.CREATED,
        author=author,
        now=now,
        before={one.pk: definition_of(one) for one in before},
    )
    _settle(group_ids, now=now)


@transaction.atomic
def delete_rules(rules: QuerySet[Rule], *, now: datetime, author: Author = NOBODY) -> None:
    """Delete rules and resolve their alerts, which stay as history."""
    gone = list(rules.select_related("group"))
    group_ids = {rule.group_id for rule in gone}
    _lock(group_ids)
    note(gone, RevisionAction.DELETED, author=author, now=now)
    rules.delete()
    _settle(group_ids, now=now)


@transaction.atomic
def enable_rules(
    rules: QuerySet[Rule], *, enabled: bool, now: datetime, author: Author = NOBODY
) -> int:
    """Switch rules on or off and return how many were switched."""
    switched = list(rules.exclude(enabled=enabled).select_related("group"))
    group_ids = {rule.group_id for rule in switched}
    _lock(group_ids)
    for rule in switched:
        rule.enabled = enabled
        rule.updated_at = now
    Rule.objects.bulk_update(switched, ["enabled", "updated_at"], batch_size=500)
    note(switched, RevisionAction.CHANGED, author=author, now=now)
    _settle(group_ids, now=now)
    return len(switched)


@transaction.atomic
def order_rules(
    group: RuleGroup, rule_ids: Sequence[int], *, now: datetime, author: Author = NOBODY
) -> None:
    """Put the rules of a group into the order of `rule_ids`; rules it does not name come last."""
    _lock({group.pk})
    places = {rule_id: place for place, rule_id in enumerate(rule_ids)}
    rules = list(
        Rule.objects.filter(group=group).select_related("group").order_by("position", "pk")
    )
    ordered = sorted(rules, key=lambda rule: places.get(rule.pk, len(places)))
    moved = []
    for place, rule in enumerate(ordered):
        if rule.position != place:
            rule.position, rule.updated_at = place, now
            moved.append(rule)
    Rule.objects.bulk_update(moved, ["position", "updated_at"], batch_size=500)
    note(moved, RevisionAction.CHANGED, author=author, now=now)
    _settle({group.pk} if moved else set(), now=now)


@transaction.atomic
def save_group(group: RuleGroup, *, now: datetime, author: Author = NOBODY) -> None:
    """Save a new or changed group, and leave alone what evaluation keeps in its row."""
    before = {one.pk: definition_of(one) for one in RuleGroup.objects.filter(pk=group.pk)}
    if not before:
        group.next_evaluation_at = now
        group.save()
    else:
        _lock({group.pk})
        group.save(update_fields=[*GROUP_FIELDS, "is_provisioned"])
    action = RevisionAction.CHANGED if before else RevisionAction.CREATED
    note([group], action, author=author, now=now, before=before)
    _settle({group.pk}, now=now)


@transaction.atomic
def enable_groups(
    groups: QuerySet[RuleGroup], *, enabled: bool, now: datetime, author: Author = NOBODY
) -> int:
    """Switch groups on or off and return how many were switched."""
    switched = list(groups.exclude(enabled=enabled))
    _lock({group.pk for group in switched})
    for group in switched:
        group.enabled = enabled
    RuleGroup.objects.bulk_update(switched, ["enabled"], batch_size=500)
    note(switched, RevisionAction.CHANGED, author=author, now=now)
    _settle({group.pk for group in switched}, now=now)
    return len(switched)


@transaction.atomic
def delete_groups(groups: QuerySet[RuleGroup], *, now: datetime, author: Author = NOBODY) -> None:
    """Delete groups with their rules, and resolve the rules' alerts."""
    gone = list(groups)
    group_ids = {group.pk for group in gone}
    _lock(group_ids)
    rules = list(Rule.objects.filter(group__in=group_ids).select_related("group"))
    note([*rules, *gone], RevisionAction.DELETED, author=author, now=now)
    RuleGroup.objects.filter(pk__in=group_ids).delete()
    _settle(group_ids, now=now)


def lock_groups(groups: QuerySet[RuleGroup]) -> None:
    """Lock groups until the transaction ends, before somebody decides how to change them."""
    _lock(list(groups.values_list("pk", flat=True)))


@transaction.atomic
def write_groups(
    writes: Sequence[GroupWrite],
    *,
    removed: Sequence[RuleGroup] = (),
    now: datetime,
    author: Author = NOBODY,
) -> None:
    """Write groups and rules as files have them, provisioned ones too, and delete others.

    The number of statements does not depend on how many groups and rules there are.
    """
    rules = [rule for write in writes for rule in write.rules]
    leaving = [rule.pk for write in writes for rule in write.removed]
    groups = [write.group for write in writes if write.saves_group]
    new_groups = [group for group in groups if group._state.adding]
    old_groups = [group for group in groups if not group._state.adding]
    new_rules = [rule for rule in rules if rule._state.adding]
    old_rules = [rule for rule in rules if not rule._state.adding]
    gone_ids = {group.pk for group in removed}
    _lock({write.group.pk for write in writes if not write.group._state.adding} | gone_ids)
    before_groups = _definitions(RuleGroup.objects.filter(pk__in=[one.pk for one in old_groups]))
    before_rules = _definitions(
        Rule.objects.filter(pk__in=[one.pk for one in old_rules]).select_related("group")
    )

    going = Rule.objects.filter(Q(pk__in=leaving) | Q(group__in=gone_ids)).select_related("group")
    note([*going, *removed], RevisionAction.DELETED, author=author, now=now)
    Rule.objects.filter(pk__in=leaving).delete()
    RuleGroup.objects.filter(pk__in=gone_ids).delete()

    for group in new_groups:
        group.next_evaluation_at = now
    RuleGroup.objects.bulk_create(new_groups, batch_size=_BATCH)
    RuleGroup.objects.bulk_update(old_groups, [*GROUP_FIELDS, "is_provisioned"], batch_size=_BATCH)
    for write in writes:
        for rule in write.rules:
            rule.group = write.group
            rule.updated_at = now
    Rule.objects.bulk_create(new_rules, batch_size=_BATCH)
    _update_rules(old_rules, [*RULE_FIELDS, "updated_at"])
    shifted = [rule for write in writes for rule in write.shifted]
    _update_rules(shifted, ["position"])

    note([*new_groups, *new_rules], RevisionAction.CREATED, author=author, now=now)
    note(old_groups, RevisionAction.CHANGED, author=author, now=now, before=before_groups)
    note(old_rules, RevisionAction.CHANGED, author=author, now=now, before=before_rules)
    _settle({write.group.pk for write in writes}, now=now)


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
    end_series([(alert, alert.state) for alert in alerts], backend=get_backend(), now=now)
    firing = [alert for alert in alerts if alert.state == AlertState.FIRING]
    for alert in firing:
        alert.state = AlertState.RESOLVED
        alert.resolved_at = now
        alert.acknowledged_at = None
    Alert.objects.bulk_update(firing, ["state", "resolved_at", "acknowledged_at"], batch_size=500)
    pending = [alert.pk for alert in alerts if alert.state == AlertState.PENDING]
    Alert.objects.filter(pk__in=pending).delete()
    dispatch_alerts(firing, now=now)
    return len(alerts)


def _lock(group_ids: Collection[int]) -> None:
    groups = RuleGroup.objects.filter(pk__in=group_ids)
    list(groups.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def _update_rules(rules: Sequence[Rule], fields: Sequence[str]) -> None:
    # An insert that meets the row; `bulk_update` of 15 fields takes 20 times as long.
    Rule.objects.bulk_create(
        rules,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=fields,
        batch_size=_BATCH,
    )


def _definitions(rows: Iterable[Rule | RuleGroup]) -> dict[int, dict[str, Any]]:
    return {row.pk: definition_of(row) for row in rows}


def _settle(group_ids: Collection[int], *, now: datetime) -> None:
    RuleGroup.objects.filter(pk__in=group_ids).update(
        next_evaluation_at=now, version=F("version") + 1
    )
    resolve_abandoned(now=now)
    transaction.on_commit(wake_evaluation)
