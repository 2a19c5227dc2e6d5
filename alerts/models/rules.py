"""Rule groups and their rules."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Coalesce, Least
from django.urls import reverse
from django.utils import timezone

DEFAULT_GROUP_NAME = "Default"

LONGEST_PATIENCE = timedelta(seconds=1.5)
"""How long a due group waits for others, and never longer than a tenth of its interval."""


class Severity(models.TextChoices):
    """How much an alert matters, least first."""

    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"
    CRITICAL = "critical", "Critical"


class RuleKind(models.TextChoices):
    """What a rule does with the result of its expression."""

    ALERTING = "alerting", "Alerting"
    RECORDING = "recording", "Recording"


class RuleHealth(models.TextChoices):
    """How a rule's last evaluation went, in Prometheus's words."""

    UNKNOWN = "unknown", "Not evaluated yet"
    OK = "ok", "OK"
    ERROR = "err", "Error"


class Otherwise(models.TextChoices):
    """What becomes of the alerts of a rule when its expression cannot tell."""

    KEEP = "keep", "Keep them as they are"
    FIRE = "fire", "Fire"
    RESOLVE = "resolve", "Resolve"


class RuleGroupQuerySet(models.QuerySet["RuleGroup"]):
    """Rule groups by what they are waiting for."""

    def default(self) -> RuleGroup:
        """Return the group of rules that name none; it is made when it is first asked for."""
        return self.get_or_create(file="", name=DEFAULT_GROUP_NAME)[0]

    def free(self, *, at: datetime) -> RuleGroupQuerySet:
        """Return groups that no living worker is evaluating."""
        return self.filter(models.Q(lease_until=None) | models.Q(lease_until__lte=at))

    def due(self, *, at: datetime) -> RuleGroupQuerySet:
        """Return free and enabled groups whose next iteration has come."""
        return self.free(at=at).filter(enabled=True, next_evaluation_at__lte=at)

    def ripe(self, *, at: datetime) -> RuleGroupQuerySet:
        """Return due groups that have waited long enough for others to be evaluated with them."""
        tenth = models.ExpressionWrapper(
            models.F("interval_ms") * timedelta(microseconds=100),
            output_field=models.DurationField(),
        )
        patience = Least(tenth, models.Value(LONGEST_PATIENCE))
        return self.due(at=at).filter(next_evaluation_at__lte=at - patience)


class RuleGroup(models.Model):
    """Rules that are evaluated together: in order, at one interval, as of one time."""

    name = models.CharField(max_length=200)
    file = models.CharField(
        max_length=500,
        blank=True,
        default="",
        editable=False,
        help_text="The rule file that it was imported from; names of groups are unique in a file.",
    )
    is_provisioned = models.BooleanField(
        default=False,
        editable=False,
        help_text="The file lies in the watched folder, so it alone says what is in the group.",
    )
    owner = models.CharField(
        max_length=200, blank=True, default="", help_text="The person or team that looks after it."
    )
    interval_ms = models.PositiveBigIntegerField(
        "interval",
        default=15_000,
        validators=[MinValueValidator(1_000), MaxValueValidator(86_400_000)],
        help_text="The time from one evaluation to the next, such as 15s or 1m.",
    )
    limit = models.PositiveIntegerField(
        default=0,
        help_text="How many alerts or series one rule may have; more are an error. 0: any number.",
    )
    query_offset_ms = models.PositiveBigIntegerField(
        "query offset",
        null=True,
        blank=True,
        help_text="How far back expressions are evaluated, for metrics that arrive late.",
    )
    labels = models.JSONField(
        default=dict,
        blank=True,
        help_text="Given to the results of all its rules, whose own labels win.",
    )
    enabled = models.BooleanField(
        default=True, help_text="A disabled group is not evaluated, and its alerts are resolved."
    )
    next_evaluation_at = models.DateTimeField(default=timezone.now, editable=False)
    evaluated_at = models.DateTimeField("last evaluation", null=True, editable=False)
    duration_ms = models.FloatField(null=True, editable=False)
    # Kept here, so that an iteration writes one row and not one for each rule.
    rule_durations_ms = models.JSONField(default=dict, editable=False)
    missed_iterations = models.BigIntegerField(default=0, editable=False)
    # Raised by each change of the group or its rules: what a process has made of them ends there.
    version = models.PositiveBigIntegerField(default=0, editable=False)
    # Ends only ever later for one group, so its value also tells one lease from another.
    lease_until = models.DateTimeField(null=True, editable=False)

    objects = RuleGroupQuerySet.as_manager()

    class Meta:
        ordering = ["name", "file"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(interval_ms__gte=1_000), name="alerts_rulegroup_interval"
            ),
            models.UniqueConstraint(fields=["file", "name"], name="alerts_rulegroup_name"),
        ]
        indexes = [
            # The claim of what is due, each second.
            models.Index(
                fields=["next_evaluation_at"],
                condition=models.Q(enabled=True),
                name="alerts_rulegroup_due",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:alerts_rulegroup_change", args=[self.pk])


class RuleQuerySet(models.QuerySet["Rule"]):
    """Rules with what lists of them show."""

    def with_state(self) -> RuleQuerySet:
        """Return rules with their group, `pending_count` and `firing_count`, in one statement."""
        return self.select_related("group").annotate(
            pending_count=self._alerts_in("pending"), firing_count=self._alerts_in("firing")
        )

    def _alerts_in(self, state: str) -> Coalesce:
        # A subquery a rule, on the index of unresolved alerts; a join would multiply the rows.
        alerts = apps.get_model("alerts", "Alert")
        counted = (
            alerts._default_manager.filter(rule=models.OuterRef("pk"), state=state)
            .exclude(state="resolved")
            .order_by()
            .values("rule")
            .annotate(count=models.Count("pk"))
            .values("count")
        )
        return Coalesce(models.Subquery(counted, output_field=models.IntegerField()), 0)


class Rule(models.Model):
    """An expression that is evaluated over and over, and what to say when it gives a result.

    `expr` is always filled. When `form` holds the simple form, `expr` is what it
    compiles to (see `alerts.rules.condition`); a rule made in PromQL has no form.
    """

    group = models.ForeignKey(RuleGroup, on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(
        max_length=200, help_text="Becomes the label alertname of the alerts that the rule raises."
    )
    kind = models.CharField(max_length=10, choices=RuleKind.choices, default=RuleKind.ALERTING)
    expr = models.TextField("PromQL")
    form = models.JSONField(null=True, editable=False)
    resolve_expr = models.TextField(
        "resolve when",
        blank=True,
        default="",
        help_text="A firing alert is resolved only by a series of this with the same labels.",
    )
    on_no_data = models.CharField(
        "on no data", max_length=10, choices=Otherwise.choices, default=Otherwise.KEEP
    )
    on_error = models.CharField(max_length=10, choices=Otherwise.choices, default=Otherwise.KEEP)
    hold_ms = models.PositiveBigIntegerField("for", default=0)
    keep_firing_ms = models.PositiveBigIntegerField("keep firing for", default=0)
    # '' where the labels say another severity, or none: rules that were imported.
    severity = models.CharField(
        max_length=10, choices=Severity.choices, default=Severity.WARNING, blank=True
    )
    labels = models.JSONField(default=dict, blank=True)
    annotations = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(
        default=True, help_text="A disabled rule is not evaluated, and its alerts are resolved."
    )
    position = models.PositiveIntegerField(
        default=0, help_text="Rules of a group are evaluated in this order, lowest first."
    )
    health = models.CharField(
        max_length=10, choices=RuleHealth.choices, default=RuleHealth.UNKNOWN, editable=False
    )
    last_error = models.TextField(blank=True, default="", editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["group__name", "position", "pk"]
        indexes = [
            # The rules of one group, in the order of their evaluation.
            models.Index(fields=["group", "position", "id"], name="alerts_rule_order"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:alerts_rule_change", args=[self.pk])

    def alert_labels(self) -> dict[str, str]:
        """Return the labels that the rule gives to each of its alerts, as templates."""
        severity = {"severity": self.severity} if self.severity else {}
        return {**self.group.labels, **self.labels, **severity, "alertname": self.name}

    @property
    def is_recording(self) -> bool:
        """Whether it writes series of its own and raises no alerts."""
        return self.kind == RuleKind.RECORDING

    @property
    def evaluated_at(self) -> datetime | None:
        """As of when it was last evaluated; None when it never was, or not since it is enabled."""
        return self.group.evaluated_at if self.duration_ms is not None else None

    @property
    def duration_ms(self) -> float | None:
        """How long its last evaluation took."""
        duration_ms: float | None = self.group.rule_durations_ms.get(str(self.pk))
        return duration_ms
