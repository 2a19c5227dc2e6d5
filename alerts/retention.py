"""How long the history of alerts, notifications, backtests and rules is kept, and its sweep.

What is still to be told, or decides what is news, stays however old it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import models, transaction

from alerts.models import (
    Alert,
    AlertState,
    Backtest,
    Notification,
    NotificationStatus,
    RevisionAction,
    RuleRevision,
)
from alerts.models.backtests import UNFINISHED as UNFINISHED_BACKTESTS
from alerts.models.notifications import UNFINISHED

RESOLVED_ALERTS_KEPT_FOR = timedelta(days=180)
"""After how long a resolved alert is deleted: long enough to compare with the last season."""

NOTIFICATIONS_KEPT_FOR = timedelta(days=90)
"""After how long a finished notification is deleted; each holds a whole message."""

BACKTESTS_KEPT_FOR = timedelta(days=30)
"""After how long a finished backtest is deleted; by then most of its rules are others."""

REVISIONS_KEPT_FOR = timedelta(days=730)
"""After how long a revision of a rule or a group is deleted, unless it says what it still is."""

# Small enough that no other work waits for the locks of one batch.
_ROWS_IN_A_BATCH = 1_000


def delete_old_alerts(*, now: datetime) -> int:
    """Delete alerts that were resolved long ago and are in no group; return how many."""
    cutoff = now - RESOLVED_ALERTS_KEPT_FOR
    return _in_batches(
        lambda: Alert.objects.filter(
            state=AlertState.RESOLVED,
            # Follows from the end of the alert, and has an index.
            active_at__lt=cutoff,
            resolved_at__lt=cutoff,
            memberships=None,
        ).order_by("active_at", "pk")
    )


def delete_old_notifications(*, now: datetime) -> int:
    """Delete notifications that were made and finished long ago; return how many.

    The newest that has told an integration of a group stays: without it the next flush would
    take the group for new, or its end for no news.
    """
    told = (NotificationStatus.SENT, NotificationStatus.RECORDED)
    told_later = Notification.objects.filter(
        group=models.OuterRef("group"),
        integration=models.OuterRef("integration"),
        pk__gt=models.OuterRef("pk"),
        status__in=told,
    )
    return _in_batches(
        lambda: (
            Notification.objects.filter(created_at__lt=now - NOTIFICATIONS_KEPT_FOR)
            .exclude(status__in=UNFINISHED)
            .filter(
                ~models.Q(status__in=told)
                | models.Q(group=None)
                | models.Q(integration=None)
                | models.Exists(told_later)
            )
            .order_by("created_at")
        )
    )


def delete_old_backtests(*, now: datetime) -> int:
    """Delete backtests that were asked for long ago and are over; return how many."""
    return _in_batches(
        lambda: (
            Backtest.objects.filter(created_at__lt=now - BACKTESTS_KEPT_FOR)
            .exclude(status__in=UNFINISHED_BACKTESTS)
            .order_by("created_at")
        )
    )


def delete_old_revisions(*, now: datetime) -> int:
    """Delete what rules and groups were long ago; return how many revisions.

    The newest of each stays, which says who has made it what it is, unless it was its deletion.
    """
    later = RuleRevision.objects.filter(
        subject=models.OuterRef("subject"),
        subject_id=models.OuterRef("subject_id"),
        pk__gt=models.OuterRef("pk"),
    )
    return _in_batches(
        lambda: (
            RuleRevision.objects.filter(at__lt=now - REVISIONS_KEPT_FOR)
            .filter(models.Q(action=RevisionAction.DELETED) | models.Exists(later))
            .order_by("at", "pk")
        )
    )


def _in_batches(
    find: Callable[
        [],
        models.QuerySet[Alert]
        | models.QuerySet[Notification]
        | models.QuerySet[Backtest]
        | models.QuerySet[RuleRevision],
    ],
) -> int:
    """Delete what `find` finds, a transaction for each batch; return how many rows."""
    total = 0
    while True:
        with transaction.atomic():
            rows = find()
            ids = list(
                rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[
                    :_ROWS_IN_A_BATCH
                ]
            )
            rows.model._default_manager.filter(pk__in=ids).delete()
        total += len(ids)
        if len(ids) < _ROWS_IN_A_BATCH:
            return total
