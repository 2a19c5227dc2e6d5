"""What is kept of rollups: their rows, and the record of what they were made of."""

from __future__ import annotations

from django.db import models


class Rollup(models.Model):
    """Buckets of one metric over one window of time, compressed (store/rollups/codec.py)."""

    # Nothing is to wait for the metric, or to go with it.
    metric_id = models.BigIntegerField()
    # 300,000 or 3,600,000.
    resolution_ms = models.IntegerField()
    # A day of buckets of five minutes, four weeks of those of an hour (store/rollups/resolutions.py).
    window_start_ms = models.BigIntegerField()
    min_series_id = models.BigIntegerField()
    max_series_id = models.BigIntegerField()
    series_count = models.IntegerField()
    bucket_count = models.BigIntegerField()
    sample_count = models.BigIntegerField()
    directory = models.BinaryField()
    data = models.BinaryField()

    class Meta:
        indexes = [
            # Reading a metric over a range of time; what is too old.
            models.Index(
                fields=["metric_id", "resolution_ms", "window_start_ms"],
                name="rollup_metric_window",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bucket_count} buckets of {self.series_count} series"


class RolledDay(models.Model):
    """A day of a metric that is rolled up (store/rollups/days.py)."""

    pk = models.CompositePrimaryKey("metric_id", "day_ms")
    metric_id = models.BigIntegerField()
    day_ms = models.BigIntegerField()
    # Exclusive: the end of the day, or of its last two hours that are merged.
    until_ms = models.BigIntegerField()
    # The highest id of the segments that it was made of; 0 when it is to be made again.
    source_id = models.BigIntegerField()
    # Of those segments: as long as there are as many, none of the day's samples is gone.
    sample_count = models.BigIntegerField()

    def __str__(self) -> str:
        return f"day {self.day_ms} of metric {self.metric_id}"
