"""What is kept of exemplars."""

from __future__ import annotations

from django.db import models


class StoredExemplar(models.Model):
    """An exemplar of a series; ids rise in the order in which they came (store/exemplars/writing.py)."""

    # Not a foreign key: exemplars go with their series, but nobody is to wait for that.
    series_id = models.BigIntegerField()
    timestamp_ms = models.BigIntegerField()
    value = models.FloatField()
    labels = models.JSONField(default=dict)

    class Meta:
        db_table = "metrics_exemplar"
        default_permissions = ()
        constraints = [
            # Also serves the look-up of a series' exemplars, and of its newest.
            models.UniqueConstraint(
                fields=["series_id", "timestamp_ms"], name="exemplar_series_time_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} of series {self.series_id} at {self.timestamp_ms}"
