"""Backtests: what a rule would have done in the past."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from alerts.models.rules import Rule


class BacktestStatus(models.TextChoices):
    """How far a backtest is."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"


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
        return f"Backtest {self.pk}"
