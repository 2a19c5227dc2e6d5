"""The outbox: every notification that was decided on, what became of it, and the log it makes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.urls import reverse

from alerts.models.routing import AlertGroup, Integration
from alerts.routing.dedup import LogEntry, Reason


class NotificationStatus(models.TextChoices):
    """Where a notification stands."""

    PENDING = "pending", "Pending"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    # Nothing to send, but the integration's picture of the group has changed.
    RECORDED = "recorded", "Recorded"
    # A newer notification of the same group carries the present state.
    SUPERSEDED = "superseded", "Superseded"
    # Refused in a way that another try cannot mend.
    FAILED = "failed", "Failed"
    # Tried for too long.
    DEAD = "dead", "Given up"


UNFINISHED = (NotificationStatus.PENDING, NotificationStatus.SENDING)
UNDELIVERED = (NotificationStatus.FAILED, NotificationStatus.DEAD)
NEVER_TOLD = (*UNDELIVERED, NotificationStatus.SUPERSEDED)


class NotificationReason(models.TextChoices):
    """Why a notification was made: `alerts.routing.dedup.Reason`, and the test button."""

    FIRST = Reason.FIRST.value, "First notification"
    NEW_FIRING = Reason.NEW_FIRING.value, "New alerts"
    NEW_RESOLVED = Reason.NEW_RESOLVED.value, "Some alerts resolved"
    ALL_RESOLVED = Reason.ALL_RESOLVED.value, "All alerts resolved"
    REPEAT = Reason.REPEAT.value, "Repeat interval elapsed"
    TEST = "test", "Test"


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Notifications by what is to be done about them."""

    def due(self, *, now: datetime) -> NotificationQuerySet:
        """Return those to try now: waiting and due, or left by a worker that died while sending."""
        return self.filter(
            models.Q(status=NotificationStatus.PENDING, next_attempt_at__lte=now)
            | models.Q(status=NotificationStatus.SENDING, lease_until__lte=now)
        )

    def unfinished(self) -> NotificationQuerySet:
        """Return those that are waiting or being sent."""
        return self.filter(status__in=UNFINISHED)

    def undelivered(self) -> NotificationQuerySet:
        """Return those that have failed for good."""
        return self.filter(status__in=UNDELIVERED)

    def of_stream(self, notification: Notification) -> NotificationQuerySet:
        """Return what one integration is told of one group, oldest first; a test stands alone."""
        if notification.group_id is None or notification.integration_id is None:
            return self.filter(pk=notification.pk)
        return self.filter(
            group_id=notification.group_id, integration_id=notification.integration_id
        ).order_by("pk")

    def last_told(self, groups: Collection[AlertGroup]) -> dict[tuple[int, int], Notification]:
        """Return the newest notification that counts, by group id and integration id.

        What has failed for good was never told, nor was what a newer one has superseded.
        """
        rows = (
            self.filter(group__in=groups, integration__isnull=False)
            .exclude(status__in=NEVER_TOLD)
            .order_by("group_id", "integration_id", "-pk")
            .distinct("group_id", "integration_id")
            .only("group_id", "integration_id", "firing", "resolved", "status", "created_at")
        )
        return {(row.group_id or 0, row.integration_id or 0): row for row in rows}

    def newest_told(
        self, *, group_ids: Collection[int | None]
    ) -> dict[tuple[int | None, int | None], int]:
        """Return the id of the same notification for each group id and integration id."""
        rows = (
            self.filter(group__in=group_ids, integration__isnull=False)
            .exclude(status__in=NEVER_TOLD)
            .order_by()
            .values_list("group_id", "integration_id")
            .annotate(newest=models.Max("pk"))
        )
        return {(group_id, integration_id): newest for group_id, integration_id, newest in rows}


class Notification(models.Model):
    """One message to one integration: made by a flush, sent by `alerts.delivery`.

    The rows of a group and integration, in order, are also the notification log that decides
    what is news (`alerts.routing.dedup`).
    """

    # Null for a test, and when the group has been forgotten.
    group = models.ForeignKey(
        AlertGroup, null=True, on_delete=models.SET_NULL, related_name="notifications"
    )
    # Null when the integration has been deleted; the two names stay as history.
    integration = models.ForeignKey(
        Integration, null=True, on_delete=models.SET_NULL, related_name="notifications"
    )
    receiver_name = models.CharField("receiver", max_length=200)
    kind = models.CharField("sent by", max_length=30)
    reason = models.CharField(max_length=20, choices=NotificationReason.choices)
    payload = models.JSONField()
    title = models.TextField()
    # What makes the messages of one episode one conversation, such as an e-mail thread.
    thread = models.CharField(max_length=100)
    firing = ArrayField(models.CharField(max_length=16), default=list)
    resolved = ArrayField(models.CharField(max_length=16), default=list)
    # Group, integration and flush: a second worker cannot make the same notification again.
    idempotency_key = models.CharField(max_length=100, unique=True)
    status = models.CharField(
        max_length=12, choices=NotificationStatus.choices, default=NotificationStatus.PENDING
    )
    attempts = models.PositiveIntegerField(default=0)
    # Since when the news waits to be told; the latency of a delivery is measured from here.
    due_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField("next attempt", null=True)
    # Until when a queued task is trusted to come; then `deliver_due` queues another.
    queued_until = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    # What a kind must know at the next attempt, such as the recipients that have got it.
    progress = models.JSONField(default=dict)
    error = models.TextField(blank=True, default="")
    response = models.TextField(blank=True, default="")
    created_at = models.DateTimeField("made")
    attempted_at = models.DateTimeField("last attempt", null=True)
    sent_at = models.DateTimeField("sent", null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            # What is to be tried, each second.
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(status="pending"),
                name="alerts_notification_due",
            ),
            # What a worker that died has left behind, each second.
            models.Index(
                fields=["lease_until"],
                condition=models.Q(status="sending"),
                name="alerts_notification_lease",
            ),
            # What an integration was last told of a group, at each flush.
            models.Index(fields=["group", "integration", "-id"], name="alerts_notification_stream"),
            # The history filtered by status, and the home page's count of failures.
            models.Index(fields=["status", "-id"], name="alerts_notification_status"),
            # What was sent about one alert, for its page.
            GinIndex(fields=["firing", "resolved"], name="alerts_notification_alerts"),
            # What became of the last day's notifications, for the home page.
            models.Index(fields=["created_at", "status"], name="alerts_notification_made"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:alerts_notification_change", args=[self.pk])

    @property
    def is_test(self) -> bool:
        """Whether it was made by the test button."""
        return self.reason == NotificationReason.TEST

    @property
    def is_unfinished(self) -> bool:
        """Whether it is waiting or being sent."""
        return self.status in UNFINISHED

    def as_log_entry(self) -> LogEntry:
        """Return it as the entry of the notification log that it is."""
        return LogEntry(
            firing=frozenset(self.firing),
            resolved=frozenset(self.resolved),
            notified_at=self.created_at,
            is_settled=self.status not in UNFINISHED,
        )
