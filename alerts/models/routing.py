"""Who is told about alerts: receivers with their integrations, routes, and groups of alerts."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse

from alerts.models.alerts import Alert
from observability.access.secret_fields import EncryptedJSONField


class Receiver(models.Model):
    """A name for those who are told: one or more integrations that all get each message."""

    name = models.CharField(
        max_length=200,
        unique=True,
        help_text="Who is told, for example 'on-call' or 'database team'.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:alerts_receiver_change", args=[self.pk])


class Integration(models.Model):
    """One way in which a receiver is told: an e-mail to some people, a Slack channel.

    `kind` is a key of `alerts.receivers.registry`, which says what `config` and `secrets` hold.
    """

    receiver = models.ForeignKey(Receiver, on_delete=models.CASCADE, related_name="integrations")
    kind = models.CharField(max_length=30, editable=False)
    config = models.JSONField(default=dict, editable=False)
    secrets = EncryptedJSONField(default=dict, editable=False)
    send_resolved = models.BooleanField(
        "tell when resolved",
        default=True,
        help_text="Send a message when the alerts are resolved, too.",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.receiver}"


def default_group_by() -> list[str]:
    """Return what alerts are grouped by until somebody says otherwise: one message a rule."""
    return ["alertname"]


class RouteManager(models.Manager["Route"]):
    """Routes of the tree."""

    def root(self) -> Route:
        """Return the root route, which takes every alert; it is made when it is first asked for."""
        route = self.select_related("receiver").filter(parent=None).first()
        return route or self.get_or_create(parent=None)[0]


class Route(models.Model):
    """A node of the routing tree: which alerts it takes, who is told, how they are grouped and when."""

    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="children",
        editable=False,
    )
    receiver = models.ForeignKey(
        Receiver,
        null=True,
        blank=True,
        # Deleting the receiver must not silently leave alerts without one.
        on_delete=models.PROTECT,
        related_name="routes",
        help_text="Who is told. Without a receiver nobody hears of an alert.",
    )
    matchers = models.JSONField(default=list, editable=False)
    group_by = ArrayField(
        models.TextField(),
        default=default_group_by,
        blank=True,
        help_text="Alerts with equal values of these labels share one message.",
    )
    group_wait_ms = models.PositiveBigIntegerField(
        "group wait", default=30_000, help_text="How long a new group waits for more alerts."
    )
    group_interval_ms = models.PositiveBigIntegerField(
        "group interval", default=300_000, help_text="How long until changes in a group are told."
    )
    repeat_interval_ms = models.PositiveBigIntegerField(
        "repeat interval",
        default=14_400_000,
        help_text="How long until a group that still fires is told again.",
    )
    continue_matching = models.BooleanField(default=False, editable=False)
    position = models.PositiveIntegerField(default=0, editable=False)

    objects = RouteManager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["parent"],
                condition=models.Q(parent=None),
                nulls_distinct=False,
                name="alerts_route_one_root",
            ),
            # A group interval of zero would flush without end.
            models.CheckConstraint(
                condition=models.Q(group_interval_ms__gte=1_000),
                name="alerts_route_group_interval",
            ),
        ]

    def __str__(self) -> str:
        return "Root route" if self.parent_id is None else f"Route {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:alerts_route_change", args=[self.pk])

    @property
    def key(self) -> str:
        """The route's path of matchers in Alertmanager's spelling; `{}` for the root route."""
        return "{}"

    @property
    def group_wait(self) -> timedelta:
        """How long a new group waits for more alerts."""
        return timedelta(milliseconds=self.group_wait_ms)

    @property
    def group_interval(self) -> timedelta:
        """How long until changes in a group are told."""
        return timedelta(milliseconds=self.group_interval_ms)

    @property
    def repeat_interval(self) -> timedelta:
        """How long until a group that still fires is told again."""
        return timedelta(milliseconds=self.repeat_interval_ms)


class AlertGroup(models.Model):
    """Alerts of one route that are told together.

    A group at rest (`next_flush_at` is null) has no alerts. It is kept for as long as what its
    integrations were last told matters, then deleted.
    """

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="groups")
    key = models.TextField()
    # SHA-256 of the key, because an index holds no text as long as label values may be.
    key_digest = models.CharField(max_length=64)
    labels = models.JSONField()
    next_flush_at = models.DateTimeField(null=True)
    # Null until the group has flushed since it was last at rest.
    flushed_at = models.DateTimeField(null=True)
    flush_sequence = models.PositiveBigIntegerField(default=0)
    # When the group left its rest: the messages of one episode make one conversation.
    active_since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["route", "key_digest"], name="alerts_alertgroup_key"),
        ]
        indexes = [
            # The claim of what is due, each second.
            models.Index(
                fields=["next_flush_at"],
                condition=models.Q(next_flush_at__isnull=False),
                name="alerts_alertgroup_due",
            ),
            # The sweep of groups that have been at rest for long.
            models.Index(
                fields=["active_since"],
                condition=models.Q(next_flush_at=None),
                name="alerts_alertgroup_at_rest",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class AlertGroupMember(models.Model):
    """An alert in a group; resolved alerts leave when all have been told."""

    group = models.ForeignKey(AlertGroup, on_delete=models.CASCADE, related_name="members")
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "alert"], name="alerts_alertgroupmember_once"),
        ]

    def __str__(self) -> str:
        return f"{self.alert} in {self.group}"
