"""Flushes groups that are due: decides who has news and writes it into the outbox.

A flush is one transaction that touches no network. The groups are claimed with FOR UPDATE SKIP
LOCKED, so that any number of workers may flush at once, and each notification carries a key
of its group, integration and flush that exists only once. A group that cannot be flushed is put
off, so that it holds up no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction

from alerts.instruments import FLUSH_FAILURES
from alerts.models import (
    Alert,
    AlertGroup,
    AlertGroupMember,
    AlertState,
    Integration,
    Notification,
    NotificationStatus,
)
from alerts.routing.dedup import LogEntry, Reason, is_old_news, may_leave, reason_to_notify
from alerts.routing.snapshot import snapshot
from alerts.wakeups import wake_deliveries

_GROUPS_IN_A_BATCH = 100
QUEUE_TRUST = timedelta(seconds=30)
"""How long a queued task is trusted to come before the notification is queued again."""

_LOG_RETENTION = timedelta(days=5)
"""How long a group at rest is remembered; Alertmanager's `--data.retention`."""

_END_IS_NEWS_FOR = timedelta(hours=1)
"""How long a message of an alert's end is made anew at each flush when it fails for good."""

_BROKEN_RESTS_FOR = timedelta(minutes=1)
"""After how long a group whose flush broke is tried again."""

_log = structlog.get_logger(__name__)


def flush_due(*, now: datetime) -> int:
    """Flush all groups that are due and that nobody else is flushing; return how many were due."""
    due = 0
    while batch := _flush_batch(now=now):
        due += batch
    return due


def forget_groups(*, now: datetime) -> int:
    """Delete groups that have been at rest for so long that nothing depends on them."""
    with transaction.atomic():
        groups = (
            AlertGroup.objects.select_for_update(skip_locked=True)
            .filter(next_flush_at=None, active_since__lt=now - _LOG_RETENTION)
            .exclude(notifications__created_at__gte=now - _LOG_RETENTION)
            .order_by("active_since")
            .values_list("pk", flat=True)[:_GROUPS_IN_A_BATCH]
        )
        return (
            AlertGroup.objects.filter(pk__in=list(groups)).delete()[1].get("alerts.AlertGroup", 0)
        )


def settle(group_id: int) -> None:
    """Let resolved alerts leave a group whose integrations have now all been told.

    With the last one the group comes to rest, and alerts that fire later start it anew.
    """
    with transaction.atomic():
        group = (
            AlertGroup.objects.select_for_update(of=("self",))
            .select_related("route")
            .filter(pk=group_id)
            .first()
        )
        if group is None or group.flushed_at is None:
            return
        state = _load([group])[group.pk]
        # What has ended since the last flush is for the next one to tell.
        _release(state, ended_by=group.flushed_at)
        if not state.members and group.next_flush_at is not None:
            group.next_flush_at = None
            group.save(update_fields=["next_flush_at"])


@dataclass(slots=True)
class _GroupState:
    """A locked group with all that its flush depends on.

    Attributes:
        members: The alerts of the group; those that have left are taken out.
        integrations: Who is told.
        told: What they were last told, by integration id.
    """

    group: AlertGroup
    members: list[AlertGroupMember]
    integrations: list[Integration]
    told: dict[int, LogEntry]

    def current_alerts(self) -> list[Alert]:
        """Return one alert for each fingerprint: the firing one, or else what ended last."""
        current: dict[str, Alert] = {}
        for alert in sorted((member.alert for member in self.members), key=_recency):
            current[alert.fingerprint] = alert
        return list(current.values())


@transaction.atomic
def _flush_batch(*, now: datetime) -> int:
    groups = list(
        AlertGroup.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("route__receiver")
        .filter(next_flush_at__lte=now)
        .order_by("next_flush_at")[:_GROUPS_IN_A_BATCH]
    )
    if groups and not _try_flush(groups, now=now):
        for group in groups:
            # As it was before the batch broke.
            group.refresh_from_db(fields=["flush_sequence", "flushed_at", "next_flush_at"])
            if not _try_flush([group], now=now):
                FLUSH_FAILURES.inc()
                AlertGroup.objects.filter(pk=group.pk).update(next_flush_at=now + _BROKEN_RESTS_FOR)
    return len(groups)


def _try_flush(groups: Sequence[AlertGroup], *, now: datetime) -> bool:
    """Flush locked groups, all or none, and say whether it went well."""
    try:
        with transaction.atomic():
            _flush(groups, now=now)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        # Without the database there is nobody to ask which of the groups it was.
        if transaction.get_rollback():
            raise
        _log.exception("flush broke", groups=[group.pk for group in groups])
        return False
    return True


def _flush(groups: Sequence[AlertGroup], *, now: datetime) -> None:
    outbox: list[Notification] = []
    states = _load(groups)
    for group in groups:
        state = states[group.pk]
        outbox += _decide(state, now=now)
    _supersede(outbox)
    due = [row for row in outbox if row.next_attempt_at is not None and row.next_attempt_at <= now]
    for row in due:
        row.queued_until = now + QUEUE_TRUST
    Notification.objects.bulk_create(outbox)
    for group in groups:
        state = states[group.pk]
        _release(state, ended_by=now)
        group.flush_sequence += 1
        group.flushed_at = now
        group.next_flush_at = now + group.route.group_interval if state.members else None
    AlertGroup.objects.bulk_update(groups, ["flush_sequence", "flushed_at", "next_flush_at"])
    if due:
        transaction.on_commit(partial(wake_deliveries, [row.pk for row in due]))


def _load(groups: Sequence[AlertGroup]) -> dict[int, _GroupState]:
    """Return the state of locked groups, in a number of queries that does not grow with them."""
    members: defaultdict[int, list[AlertGroupMember]] = defaultdict(list)
    for member in AlertGroupMember.objects.filter(group__in=groups).select_related("alert__rule"):
        members[member.group_id].append(member)
    integrations: defaultdict[int, list[Integration]] = defaultdict(list)
    receiver_ids = {group.route.receiver_id for group in groups}
    for integration in Integration.objects.filter(
        receiver__in=receiver_ids, enabled=True
    ).select_related("receiver"):
        integrations[integration.receiver_id].append(integration)
    told: defaultdict[int, dict[int, LogEntry]] = defaultdict(dict)
    for (group_id, integration_id), row in Notification.objects.last_told(groups).items():
        told[group_id][integration_id] = row.as_log_entry()
    return {
        group.pk: _GroupState(
            group,
            members[group.pk],
            integrations[group.route.receiver_id] if group.route.receiver_id else [],
            told[group.pk],
        )
        for group in groups
    }


def _decide(state: _GroupState, *, now: datetime) -> list[Notification]:
    """Return the notifications that the group's integrations are due, and note them as told."""
    alerts = state.current_alerts()
    firing = frozenset(a.fingerprint for a in alerts if a.state == AlertState.FIRING)
    resolved = frozenset(a.fingerprint for a in alerts) - firing
    made = []
    for integration in state.integrations:
        entry = state.told.get(integration.pk)
        reason = reason_to_notify(
            entry,
            firing=firing,
            resolved=resolved,
            sends_resolved=integration.send_resolved,
            repeat_interval=state.group.route.repeat_interval,
            now=now,
        )
        if reason is None:
            continue
        shown = [
            alert
            for alert in alerts
            if alert.fingerprint in firing
            or (integration.send_resolved and not is_old_news(entry, alert.fingerprint))
        ]
        row = _notification(state.group, integration, reason, shown, now=now)
        row.firing, row.resolved = sorted(firing), sorted(resolved)
        state.told[integration.pk] = row.as_log_entry()
        made.append(row)
    return made


def _notification(
    group: AlertGroup,
    integration: Integration,
    reason: Reason,
    alerts: Iterable[Alert],
    *,
    now: datetime,
) -> Notification:
    message = snapshot(
        alerts,
        group_key=group.key,
        group_labels=group.labels,
        receiver=integration.receiver.name,
    )
    is_silent = reason is Reason.ALL_RESOLVED and not integration.send_resolved
    return Notification(
        group=group,
        integration=integration,
        receiver_name=integration.receiver.name,
        kind=integration.kind,
        reason=reason.value,
        payload=message.to_json(),
        title="All alerts resolved (not to be told)" if is_silent else message.title,
        thread=f"group-{group.pk}-{group.active_since:%Y%m%d%H%M%S}",
        idempotency_key=f"{group.pk}:{integration.pk}:{group.flush_sequence}",
        status=NotificationStatus.RECORDED if is_silent else NotificationStatus.PENDING,
        due_at=group.next_flush_at or now,
        next_attempt_at=None if is_silent else now,
        created_at=now,
    )


def _supersede(outbox: Iterable[Notification]) -> None:
    """Take back what is still waiting where there is news; what is being sent runs its course.

    The news waits as long as the old message had to, because the receiver asked for it or
    is down.
    """
    streams = {(row.group_id, row.integration_id): row for row in outbox}
    waiting = list(
        Notification.objects.select_for_update()
        .filter(
            group__in={group_id for group_id, _ in streams},
            integration__in={integration_id for _, integration_id in streams},
            status=NotificationStatus.PENDING,
        )
        .order_by("pk")
        .only("group_id", "integration_id", "next_attempt_at", "attempts", "thread")
    )
    superseded = []
    for old in waiting:
        news = streams.get((old.group_id, old.integration_id))
        if news is None:
            continue
        superseded.append(old.pk)
        if news.next_attempt_at is not None and old.next_attempt_at is not None:
            news.next_attempt_at = max(news.next_attempt_at, old.next_attempt_at)
    Notification.objects.filter(pk__in=superseded).update(
        status=NotificationStatus.SUPERSEDED, next_attempt_at=None
    )


def _release(state: _GroupState, *, ended_by: datetime) -> None:
    """Let those alerts leave the group that nobody is still to be told about."""
    current = {alert.pk for alert in state.current_alerts()}
    leaving = [
        member
        for member in state.members
        if member.alert.resolved_at is not None
        and member.alert.resolved_at <= ended_by
        and (
            member.alert_id not in current
            or member.alert.resolved_at + _END_IS_NEWS_FOR <= ended_by
            or all(
                may_leave(
                    state.told.get(integration.pk),
                    member.alert.fingerprint,
                    sends_resolved=integration.send_resolved,
                )
                for integration in state.integrations
            )
        )
    ]
    if leaving:
        AlertGroupMember.objects.filter(pk__in=[member.pk for member in leaving]).delete()
        gone = {member.pk for member in leaving}
        state.members = [member for member in state.members if member.pk not in gone]


def _recency(alert: Alert) -> tuple[bool, datetime]:
    return alert.state == AlertState.FIRING, alert.resolved_at or alert.started_at
