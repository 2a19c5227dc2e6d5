"""Backtests: what a rule would have done in the past."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from alerts.models.rules import Rule


class BacktestStatus(models.TextChoices):
    """How far a backtest is."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"


UNFINISHED = (BacktestStatus.QUEUED, BacktestStatus.RUNNING)


class Backtest(models.Model):
    """One run of a rule, saved or not yet, over the past."""

    rule = models.ForeignKey(Rule, null=True, on_delete=models.SET_NULL, related_name="backtests")
    # The rule as it was when the backtest was asked for (see `alerts.rules.revisions`).
    definition = models.JSONField()
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    status = models.CharField(
        max_length=10, choices=BacktestStatus.choices, default=BacktestStatus.QUEUED
    )
    # From 0 to 1.
    progress = models.FloatField(default=0.0)
    error = models.TextField(blank=True, default="")
    result = models.JSONField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # The time of the last sign of life; a running one without any is taken up again.
    touched_at = models.DateTimeField(null=True)
    # How far it is, from where another worker can go on (see `alerts.rules.backtesting.runs`).
    state = models.BinaryField(null=True)
    # How often a worker has died over it.
    deaths = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(status__in=["queued", "running"]),
                name="alerts_backtest_unfinished",
            ),
            models.Index(fields=["-created_at", "-id"], name="alerts_backtest_newest"),
        ]

    def __str__(self) -> str:
        return f"Backtest of {self.definition.get('name', '')}"

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:alerts_backtest_change", args=[self.pk])

    @property
    def is_unfinished(self) -> bool:
        """Whether a worker is at it, or will be."""
        return self.status in UNFINISHED
