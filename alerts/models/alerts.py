"""Alerts: what a rule has found, or somebody has reported by hand."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.urls import reverse

from alerts.models.rules import Rule, Severity
from observability.metrics.json_numbers import json_number

LABELS_IN_A_ROW = 8
"""How many labels of an alert a list shows; its own page shows all."""

# A list has columns of their own for them.
_NAMED_APART = frozenset({"alertname", "severity"})


class AlertState(models.TextChoices):
    """Where an alert stands; an inactive one has no row."""

    PENDING = "pending", "Pending"
    FIRING = "firing", "Firing"
    RESOLVED = "resolved", "Resolved"


class AlertSource(models.TextChoices):
    """Who says that an alert fires, and so who may resolve it."""

    RULE = "rule", "Rule"
    MANUAL = "manual", "By hand"


class AlertQuerySet(models.QuerySet["Alert"]):
    """Alerts by their state."""

    def unresolved(self) -> AlertQuerySet:
        """Return pending and firing alerts."""
        return self.filter(state__in=[AlertState.PENDING, AlertState.FIRING])

    def firing(self) -> AlertQuerySet:
        """Return firing alerts."""
        return self.filter(state=AlertState.FIRING)

    def abandoned(self) -> AlertQuerySet:
        """Return unresolved alerts of rules that are gone or no longer evaluated."""
        return self.unresolved().filter(
            models.Q(rule=None)
            | models.Q(rule__enabled=False)
            | models.Q(rule__group__enabled=False),
            source=AlertSource.RULE,
        )


class Alert(models.Model):
    """One episode of one label set: from active (pending or firing) to resolved.

    The row stays as history when the alert is resolved; a new episode is a new row.
    """

    rule = models.ForeignKey(Rule, null=True, on_delete=models.SET_NULL, related_name="alerts")
    source = models.CharField(max_length=10, choices=AlertSource.choices, default=AlertSource.RULE)
    # FNV-1a (64 bits) of the label set, 16 hex digits, as in Alertmanager.
    fingerprint = models.CharField(max_length=16)
    name = models.CharField(max_length=200)
    labels = models.JSONField()
    annotations = models.JSONField(default=dict)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    state = models.CharField(max_length=10, choices=AlertState.choices)
    value = models.FloatField(null=True, help_text="What the expression gave last; none by hand.")
    active_at = models.DateTimeField("active since")
    fired_at = models.DateTimeField("firing since", null=True)
    resolved_at = models.DateTimeField(null=True)
    # When the expression stopped giving a result while `keep_firing_for` holds the alert.
    keep_firing_since = models.DateTimeField(null=True)
    # Since when the rule cannot tell: its series are gone, or its expression fails.
    no_data_since = models.DateTimeField(null=True)
    # An acknowledgement holds until it is taken back, expires, or the alert is resolved.
    acknowledged_at = models.DateTimeField(null=True)
    ack_owner = models.CharField("acknowledged by", max_length=200, blank=True, default="")
    ack_note = models.TextField(blank=True, default="")
    ack_expires_at = models.DateTimeField(null=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-active_at", "-pk"]
        constraints = [
            # A second evaluator cannot open the same episode again.
            models.UniqueConstraint(
                fields=["rule", "fingerprint"],
                condition=~models.Q(state="resolved"),
                name="alerts_alert_one_episode",
            ),
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=models.Q(source="manual") & ~models.Q(state="resolved"),
                name="alerts_alert_one_manual_episode",
            ),
            models.CheckConstraint(
                condition=models.Q(state="resolved") ^ models.Q(resolved_at=None),
                name="alerts_alert_resolved_at",
            ),
        ]
        indexes = [
            # The list of alerts, firing first; what is active now, and the sweep of abandoned ones.
            models.Index(fields=["state", "-active_at", "-id"], name="alerts_alert_by_state"),
            # Cursor pages, newest first.
            models.Index(fields=["-active_at", "-id"], name="alerts_alert_newest"),
            # The episodes of one alert.
            models.Index(fields=["fingerprint", "-active_at"], name="alerts_alert_episodes"),
            # The acknowledgements that end by themselves.
            models.Index(
                fields=["ack_expires_at"],
                condition=models.Q(acknowledged_at__isnull=False),
                name="alerts_alert_ack_ends",
            ),
            GinIndex(fields=["labels"], opclasses=["jsonb_path_ops"], name="alerts_alert_labels"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:alerts_alert_change", args=[self.pk])

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody has said that they are on it; an expired one is taken back by a task."""
        return self.acknowledged_at is not None

    @property
    def started_at(self) -> datetime:
        """When the alert fired, or became active while it is pending."""
        return self.fired_at or self.active_at

    @property
    def is_manual(self) -> bool:
        """Whether it was reported by hand, so that no rule will ever resolve it."""
        return self.source == AlertSource.MANUAL

    @property
    def may_be_resolved_by_hand(self) -> bool:
        """Whether people may say that it is over: no rule will, or its rule has no data to tell."""
        return self.is_manual or self.no_data_since is not None or self.state == AlertState.RESOLVED

    @property
    def own_labels(self) -> list[tuple[str, str]]:
        """Its labels by name, without those that repeat its name and severity."""
        return [pair for pair in sorted(self.labels.items()) if pair[0] not in _NAMED_APART]

    @property
    def first_labels(self) -> list[tuple[str, str]]:
        """As many of its labels as a list shows."""
        return self.own_labels[:LABELS_IN_A_ROW]

    @property
    def more_labels(self) -> int:
        """How many labels a list leaves out."""
        return max(len(self.own_labels) - LABELS_IN_A_ROW, 0)

    @property
    def json_value(self) -> float | str | None:
        """The value as JSON can carry it: NaN and the infinities are text, as in Prometheus."""
        return None if self.value is None else json_number(self.value)


class AlertEventKind(models.TextChoices):
    """What can happen to an alert besides its states."""

    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    UNACKNOWLEDGED = "unacknowledged", "Acknowledgement taken back"
    ACK_EXPIRED = "ack expired", "Acknowledgement expired"
    COMMENT = "comment", "Comment"
    NO_DATA = "no data", "No data"
    DATA_BACK = "data back", "Data is back"
    RESOLVED_BY_HAND = "resolved by hand", "Resolved by hand"


class AlertEvent(models.Model):
    """Something that happened to an alert, or that somebody said about it."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=AlertEventKind.choices)
    at = models.DateTimeField()
    by = models.CharField(max_length=200, blank=True, default="")
    text = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["alert", "at"], name="alerts_event_of_alert")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.alert_id}"
