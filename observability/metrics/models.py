"""What the metric store keeps in PostgreSQL: the catalogue, the sample log and the segments."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func
from django.db.models.functions import Now

from observability.metrics.samples import MetricType


class TransactionIdField(models.Field[int, int]):
    """PostgreSQL's `xid8`: the 64-bit id of a transaction."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column's type in PostgreSQL."""
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        """Return the id as a number; psycopg2 hands it over as text."""
        return None if value is None else int(value)


class Metric(models.Model):
    """A metric name, with what its senders say about it."""

    name = models.CharField(max_length=1024, unique=True)
    type = models.CharField(
        max_length=16,
        choices=[(t.value, t.value) for t in MetricType],
        db_default=MetricType.UNKNOWN.value,
    )
    help = models.TextField(blank=True, db_default="")
    unit = models.CharField(max_length=64, blank=True, db_default="")
    # Kept by the catalogue, in the transactions that make and delete series.
    series_count = models.IntegerField(db_default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.name


class LabelPair(models.Model):
    """A label name with one of its values; series point at the pairs they carry."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=256)
    value = models.TextField()

    class Meta:
        constraints = [
            # Also serves the look-up of one pair and of all values of a name.
            models.UniqueConstraint(fields=["name", "value"], name="label_pair_unique"),
        ]

    def __str__(self) -> str:
        return f'{self.name}="{self.value}"'


class Series(models.Model):
    """One label set over time. Ids are never used again."""

    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="series")
    # Without the metric's name.
    labels = models.JSONField(default=dict)
    # The ids of its label pairs. `&&` and `@>` on them answer all four matchers.
    pairs = ArrayField(models.IntegerField(), default=list)
    # BLAKE2b-128 of the whole label set.
    fingerprint = models.BinaryField(max_length=16)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "series"
        constraints = [
            # Makes the creation of series safe between processes.
            models.UniqueConstraint(fields=["fingerprint"], name="series_fingerprint_unique"),
        ]
        indexes = [
            # Label matchers of the selectors (store/selection.py).
            GinIndex(fields=["pairs"], name="series_pairs_gin", fastupdate=False),
        ]

    def __str__(self) -> str:
        inner = ",".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()))
        return f"{self.metric.name}{{{inner}}}"


class CatalogueEpoch(models.Model):
    """How often ids of series were withdrawn: one row, or none yet, that every append looks at."""

    id = models.SmallIntegerField(primary_key=True)
    number = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.number)


class SampleLog(models.Model):
    """Samples of one accepted write, in the order of their acceptance (store/log.py)."""

    # A row is settled, and may be compacted, once its transaction is older than every running one.
    transaction_id = TransactionIdField(
        db_default=Func(function="pg_current_xact_id"), editable=False
    )
    min_timestamp_ms = models.BigIntegerField()
    max_timestamp_ms = models.BigIntegerField()
    sample_count = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        indexes = [
            # Reading a time range; new rows only ever go to its end.
            models.Index(
                fields=["max_timestamp_ms", "min_timestamp_ms"], name="sample_log_time_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sample_count} samples"


class Segment(models.Model):
    """Samples of one metric over one window of time, compressed (store/segment.py); never changed.

    The table is partitioned by level and, for level 3, by weeks (store/partitions.py).
    """

    pk = models.CompositePrimaryKey("id", "level", "window_start_ms")
    id = models.BigIntegerField(editable=False)
    # How far its samples have been merged: 0 not yet, 3 into segments of a day (store/windows.py).
    level = models.SmallIntegerField()
    window_start_ms = models.BigIntegerField()
    # Exclusive.
    window_end_ms = models.BigIntegerField()
    # Deleting a metric does not wait for its segments.
    metric = models.ForeignKey(
        Metric, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    min_timestamp_ms = models.BigIntegerField()
    max_timestamp_ms = models.BigIntegerField()
    min_series_id = models.BigIntegerField()
    max_series_id = models.BigIntegerField()
    sample_count = models.BigIntegerField()
    series_count = models.IntegerField()
    directory = models.BinaryField()
    data = models.BinaryField()

    class Meta:
        indexes = [
            # Reading a metric over a range of time.
            models.Index(fields=["metric", "window_start_ms"], name="segment_metric_window"),
            # What is due to be merged; the newest segments, for the rate of samples.
            models.Index(fields=["level", "window_start_ms"], name="segment_level_window"),
        ]

    def __str__(self) -> str:
        return f"{self.sample_count} samples of {self.series_count} series, level {self.level}"
