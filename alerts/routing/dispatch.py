"""Puts alerts that have changed into their groups and says when the groups flush."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from django.db import transaction

from alerts.models import Alert, AlertGroup, AlertGroupMember, Route
from alerts.routing.grouping import group_key, group_labels, next_flush
from alerts.wakeups import wake_flush


def dispatch_alerts(alerts: Sequence[Alert], *, now: datetime) -> None:
    """Put alerts into the groups of their route and plan the flushes.

    Call it inside the transaction that has changed the alerts, once with all of them: it
    locks the groups in one order, and a second call could lock them in another.

    Args:
        alerts: Alerts that have just become firing, resolved, or changed while firing.
        now: The time of the change.
    """
    if not alerts:
        return
    with transaction.atomic():
        route = Route.objects.root()
        drafts = _drafts(alerts, route)
        groups = _lock_groups(route, drafts, now=now)
        AlertGroupMember.objects.bulk_create(
            [
                AlertGroupMember(group=group, alert=alert)
                for group in groups
                for alert in drafts[group.key_digest].alerts
            ],
            ignore_conflicts=True,
        )
        for group in groups:
            _plan(group, drafts[group.key_digest].alerts, route, now=now)
        AlertGroup.objects.bulk_update(groups, ["next_flush_at", "flushed_at", "active_since"])
        if any(cast(datetime, group.next_flush_at) <= now for group in groups):
            transaction.on_commit(wake_flush)


@transaction.atomic
def redispatch(route: Route, *, now: datetime) -> None:
    """Group the alerts of a route anew after its settings have changed.

    What the integrations were told stays known, so groups that come out the same send
    nothing twice.
    """
    groups = list(AlertGroup.objects.select_for_update().filter(route=route).order_by("pk"))
    alerts = list(Alert.objects.filter(memberships__group__in=groups).distinct())
    AlertGroupMember.objects.filter(group__in=groups).delete()
    AlertGroup.objects.filter(route=route).update(next_flush_at=None, flushed_at=None)
    dispatch_alerts(alerts, now=now)


@dataclass(slots=True)
class _Draft:
    key: str
    labels: dict[str, str]
    alerts: list[Alert] = field(default_factory=list)


def _drafts(alerts: Iterable[Alert], route: Route) -> dict[str, _Draft]:
    """Return what each group gets, by the digest of its key."""
    drafts: dict[str, _Draft] = {}
    for alert in alerts:
        labels = group_labels(alert.labels, route.group_by)
        key = group_key(route.key, labels)
        digest = hashlib.sha256(key.encode()).hexdigest()
        drafts.setdefault(digest, _Draft(key, labels)).alerts.append(alert)
    return drafts


def _lock_groups(route: Route, drafts: dict[str, _Draft], *, now: datetime) -> list[AlertGroup]:
    """Return the groups of these keys, made where missing, locked until the transaction ends."""
    while True:
        groups = list(
            AlertGroup.objects.select_for_update()
            .filter(route=route, key_digest__in=list(drafts))
            .order_by("pk")
        )
        missing = drafts.keys() - {group.key_digest for group in groups}
        if not missing:
            return groups
        # Another process may make or delete one of them meanwhile, hence the loop.
        AlertGroup.objects.bulk_create(
            [
                AlertGroup(
                    route=route,
                    key=drafts[digest].key,
                    key_digest=digest,
                    labels=drafts[digest].labels,
                    active_since=now,
                )
                for digest in sorted(missing)
            ],
            ignore_conflicts=True,
        )


def _plan(group: AlertGroup, alerts: Sequence[Alert], route: Route, *, now: datetime) -> None:
    if group.next_flush_at is None:
        group.flushed_at = None
        group.active_since = now
    group.next_flush_at = next_flush(
        current=group.next_flush_at,
        has_flushed=group.flushed_at is not None,
        earliest_start=min(alert.started_at for alert in alerts),
        group_wait=route.group_wait,
        now=now,
    )
