"""What the portal keeps to make totals of deltas."""

from __future__ import annotations

from django.db import models


class RunningTotal(models.Model):
    """How far the deltas of one series have come (running_totals.py)."""

    # Without a reference: a series may be deleted, and its row expires.
    series_id = models.BigIntegerField(primary_key=True)
    total = models.FloatField()
    # When the newest delta that is in the total ended.
    end_ms = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.total} of series {self.series_id}"
