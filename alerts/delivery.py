"""Sends what stands in the outbox, at least once and never twice through our own races.

A worker claims a notification for a lease that is longer than any attempt may take, sends
outside any transaction, and records the outcome only while the lease is still its own.
When a worker dies, another takes over after the lease. Each group and integration is a
stream: one message at a time, and always the newest.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from alerts.instruments import (
    NOTIFICATION_LATENCY,
    NOTIFICATIONS,
    NOTIFICATIONS_PENDING,
)
from alerts.models import Notification, NotificationReason, NotificationStatus
from alerts.models.notifications import NotificationQuerySet
from alerts.receivers.base import Delivered, DeliveryError, Outgoing
from alerts.receivers.registry import find_kind
from alerts.routing.flush import QUEUE_TRUST, settle
from alerts.routing.message import Message
from alerts.routing.snapshot import external_url
from alerts.wakeups import wake_deliveries

DEADLINE = timedelta(seconds=45)
"""When an attempt is broken off (the soft time limit of the task)."""

LEASE = timedelta(seconds=90)
"""How long a claim holds: longer than the hard time limit of the task, which is 60 s."""

MAX_AGE = timedelta(hours=24)
"""After how long a message is given up; a group that still fires makes new ones anyway."""

_FIRST_BACKOFF = timedelta(seconds=1)
_LONGEST_BACKOFF = timedelta(minutes=2)
_LONGEST_RETRY_AFTER = timedelta(hours=1)
_JITTER = (0.8, 1.2)
_QUEUED_AT_ONCE = 500
_LONGEST_TEXT = 1_000
_SHORTEST_SECRET_PATH = 8

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What became of an attempt."""

    status: NotificationStatus
    error: str = ""
    response: str = ""
    next_attempt_at: datetime | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)


def deliver(
    notification_id: int,
    *,
    lease: timedelta = LEASE,
    clock: Callable[[], datetime] = timezone.now,
) -> NotificationStatus | None:
    """Make one attempt at a notification, or at the newer one that has taken its place.

    Calling it again, or from several workers at once, is harmless.

    Returns:
        Where the notification stands now; None when there was nothing to do, because it is
        done, not due, or in another worker's hands.
    """
    notification = _claim(notification_id, lease=lease, now=clock())
    if notification is None:
        return None
    try:
        delivered = _send(notification)
    except DeliveryError as error:
        outcome = _failure(notification, error, now=clock())
    else:
        outcome = _Outcome(
            status=NotificationStatus.SENT,
            error=delivered.warning,
            response=delivered.response,
        )
    return _record(notification, outcome, now=clock())


def queue_due(*, now: datetime) -> int:
    """Queue the notifications that are due and not queued already; return how many."""
    with transaction.atomic():
        ids = list(
            Notification.objects.select_for_update(skip_locked=True)
            .due(now=now)
            .filter(models.Q(queued_until=None) | models.Q(queued_until__lte=now))
            .order_by("pk")
            .values_list("pk", flat=True)[:_QUEUED_AT_ONCE]
        )
        Notification.objects.filter(pk__in=ids).update(queued_until=now + QUEUE_TRUST)
        if ids:
            transaction.on_commit(partial(wake_deliveries, ids))
    NOTIFICATIONS_PENDING.set(Notification.objects.unfinished().count())
    return len(ids)


def retry_now(notifications: NotificationQuerySet, *, now: datetime) -> int:
    """Give messages that failed for good another life; return how many.

    One whose group has sent something newer stays as it is: the news has made it wrong.
    """
    with transaction.atomic():
        rows = list(
            notifications.undelivered()
            .filter(integration__isnull=False)
            .select_for_update(of=("self",))
            .order_by("pk")
            .only("group_id", "integration_id")
        )
        told = Notification.objects.newest_told(group_ids={row.group_id for row in rows})
        revived = [
            row.pk for row in rows if told.get((row.group_id, row.integration_id), 0) < row.pk
        ]
        Notification.objects.filter(pk__in=revived).update(
            status=NotificationStatus.PENDING,
            attempts=0,
            due_at=now,
            next_attempt_at=now,
            queued_until=now + QUEUE_TRUST,
        )
        transaction.on_commit(partial(wake_deliveries, revived))
    return len(revived)


def as_outgoing(notification: Notification) -> Outgoing:
    """Return the notification as its kind gets it."""
    return Outgoing(
        message=Message.from_json(notification.payload),
        key=f"{notification.pk}-{notification.idempotency_key}",
        thread=notification.thread,
        explanation=NotificationReason(notification.reason).label,
        history_url=external_url(notification.get_absolute_url()),
        made_at=notification.created_at,
        progress=notification.progress,
    )


@transaction.atomic
def _claim(notification_id: int, *, lease: timedelta, now: datetime) -> Notification | None:
    """Take the newest notification of the stream when it is due and nobody is sending."""
    asked = Notification.objects.filter(pk=notification_id).first()
    if asked is None:
        return None
    stream = list(
        Notification.objects.select_for_update(of=("self",))
        .of_stream(asked)
        .unfinished()
        .select_related("integration__receiver")
        .order_by("pk")
    )
    if not stream or any(_is_being_sent(row, now=now) for row in stream):
        return None
    *outdated, newest = stream
    for row in outdated:
        row.status, row.next_attempt_at, row.lease_until = NotificationStatus.SUPERSEDED, None, None
        row.save(update_fields=["status", "next_attempt_at", "lease_until"])
        NOTIFICATIONS.labels(row.kind, "superseded").inc()
    if newest.next_attempt_at is not None and newest.next_attempt_at > now:
        return None
    newest.status = NotificationStatus.SENDING
    newest.attempts += 1
    newest.attempted_at = now
    newest.lease_until = now + lease
    newest.lease_token = uuid.uuid4()
    newest.save(update_fields=["status", "attempts", "attempted_at", "lease_until", "lease_token"])
    return newest


def _is_being_sent(row: Notification, *, now: datetime) -> bool:
    return (
        row.status == NotificationStatus.SENDING
        and row.lease_until is not None
        and row.lease_until > now
    )


def _send(notification: Notification) -> Delivered:
    """Hand the message to its kind; whatever goes wrong comes out as a `DeliveryError`."""
    integration = notification.integration
    kind = find_kind(notification.kind)
    if integration is None or kind is None:
        raise DeliveryError("the integration has been deleted", is_permanent=True)
    if not integration.enabled:
        raise DeliveryError("the integration is switched off", is_permanent=True)
    try:
        return kind.send(as_outgoing(notification), integration)
    except DeliveryError:
        raise
    except SoftTimeLimitExceeded:
        raise DeliveryError(f"no answer within {DEADLINE.seconds} s", is_permanent=False) from None
    except Exception as error:
        # A fault of our own must not lose the message: it is tried again, and seen.
        _log.exception("delivery broke", notification=notification.pk, kind=notification.kind)
        raise DeliveryError(
            f"internal error: {type(error).__name__}", is_permanent=False
        ) from error


def _failure(notification: Notification, error: DeliveryError, *, now: datetime) -> _Outcome:
    """Return what follows from a failed attempt: another later, or the end."""
    next_attempt_at = now + _wait(notification.attempts, error.retry_after)
    if error.is_permanent or notification.is_test:
        # Whoever pressed the test button is looking at the answer and can press it again.
        status = NotificationStatus.FAILED
    elif next_attempt_at > notification.due_at + MAX_AGE:
        status = NotificationStatus.DEAD
    else:
        status = NotificationStatus.PENDING
    return _Outcome(
        status=status,
        error=str(error),
        response=error.response,
        next_attempt_at=next_attempt_at if status == NotificationStatus.PENDING else None,
        progress=error.progress,
    )


def _wait(attempts: int, retry_after: timedelta | None) -> timedelta:
    """Return how long to wait after this many attempts, spread so that receivers are not stormed."""
    doubled = _FIRST_BACKOFF * (1 << min(attempts - 1, 10))
    spread: float = random.uniform(*_JITTER)  # noqa: S311 - no secret
    backoff = min(doubled, _LONGEST_BACKOFF) * spread
    return max(backoff, min(retry_after or timedelta(), _LONGEST_RETRY_AFTER))


def _record(
    notification: Notification, outcome: _Outcome, *, now: datetime
) -> NotificationStatus | None:
    """Write the outcome down, unless the lease has passed to another worker meanwhile."""
    masked = partial(_mask, notification=notification)
    status = outcome.status
    stream = Notification.objects.of_stream(notification)
    news = stream.filter(pk__gt=notification.pk).unfinished().reverse()
    if status == NotificationStatus.PENDING and news.exists():
        status = NotificationStatus.SUPERSEDED
    is_recorded = Notification.objects.filter(
        pk=notification.pk,
        status=NotificationStatus.SENDING,
        lease_token=notification.lease_token,
    ).update(
        status=status,
        error=masked(outcome.error),
        response=masked(outcome.response),
        progress=dict(outcome.progress),
        next_attempt_at=outcome.next_attempt_at if status == outcome.status else None,
        queued_until=None,
        lease_until=None,
        lease_token=None,
        sent_at=now if status == NotificationStatus.SENT else None,
    )
    if not is_recorded:
        _log.warning("finished after the lease", notification=notification.pk, status=status)
        return None
    label = "retried" if status == NotificationStatus.PENDING else status.value
    NOTIFICATIONS.labels(notification.kind, label).inc()
    if status == NotificationStatus.SENT:
        NOTIFICATION_LATENCY.labels(notification.kind).observe(
            max((now - notification.due_at).total_seconds(), 0)
        )
        if notification.group_id is not None and notification.resolved:
            settle(notification.group_id)
    # News that came while this one was being sent was left alone, up to the update above.
    wake_deliveries(list(news.values_list("pk", flat=True)[:1]))
    return status


def _mask(text: str, *, notification: Notification) -> str:
    """Return the text cut to a bearable length, with the integration's secrets blacked out."""
    secrets: set[str] = {getattr(settings, "EMAIL_HOST_PASSWORD", "")}
    if notification.integration is not None:
        for value in notification.integration.secrets.values():
            # A webhook's secret is its path; errors may name it without the host.
            path = urlsplit(value).path.strip("/")
            secrets |= {value, path if len(path) >= _SHORTEST_SECRET_PATH else ""}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
