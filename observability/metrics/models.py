"""What the metric store keeps in PostgreSQL: the catalogue, the sample log and the segments."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func
from django.db.models.functions import Cast, Now

from observability.metrics.importing.models import ImportedFile  # noqa: F401 (Django looks here)
from observability.metrics.ingest.otlp.models import RunningTotal  # noqa: F401 (Django looks here)
from observability.metrics.ingest.pushgateway.models import (  # noqa: F401 (Django looks here)
    PushedMetric,
    PushGroup,
    PushLifetime,
)
from observability.metrics.query_page.models import PastQuery  # noqa: F401 (Django looks here)
from observability.metrics.samples import MetricType
from observability.metrics.scraping.models import (  # noqa: F401 (Django looks here)
    ScrapeJob,
    ScrapeSource,
    ScrapeTarget,
)
from observability.metrics.store.exemplars.models import (
    StoredExemplar,  # noqa: F401 (Django looks here)
)
from observability.metrics.store.rollups.models import (  # noqa: F401 (Django looks here)
    RolledDay,
    Rollup,
)
from observability.promql.errors import InvalidRegexError
from observability.promql.matchers import compile_regex

# A hundred years stand for ever.
_KEPT_DAYS = [MinValueValidator(1), MaxValueValidator(36_500)]
_ROLLUP_DAYS = [MaxValueValidator(36_500)]


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
    # The epoch in which it was found idle; a writer that looks it up clears it (store/idle_series.py).
    retiring_epoch = models.BigIntegerField(null=True, editable=False)
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
            # How many are new (store/cardinality.py); they stand at the end, so this costs nothing.
            BrinIndex(fields=["created_at"], name="series_created_at_brin", autosummarize=True),
            # What the collection of idle series has still to end; empty most of the time.
            models.Index(
                fields=["metric"],
                name="series_retiring",
                condition=models.Q(retiring_epoch__isnull=False),
            ),
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


class Amendment(models.Model):
    """A stretch of the past whose samples changed, for those who keep answers (store/amendments.py)."""

    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField()
    # A number, not an `xid8`, so that PostgreSQL can tell the highest.
    transaction_id = models.BigIntegerField(
        db_default=Cast(
            Cast(Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()
        ),
        editable=False,
    )
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            # Those that came after an answer.
            models.Index(fields=["transaction_id"], name="amendment_transaction"),
        ]

    def __str__(self) -> str:
        return f"{self.start_ms} to {self.end_ms}"


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


class RetentionPolicies(models.QuerySet["RetentionPolicy"]):
    """Policies, in the order in which they are asked."""

    def complete(self) -> list[RetentionPolicy]:
        """Return all, the last of which is the default, even where no row says so."""
        rows = list(self.order_by("is_default", "position", "pk"))
        has_default = bool(rows) and rows[-1].is_default
        return rows if has_default else [*rows, RetentionPolicy(pattern=".*", is_default=True)]


class RetentionPolicy(models.Model):
    """How long samples of the metrics that its pattern matches are kept; the first match counts.

    There is always a last one, the default, which matches every name (store/retention.py).
    """

    position = models.PositiveIntegerField(
        default=100,
        help_text="The policy with the lowest position that matches a metric's name counts.",
    )
    pattern = models.CharField(
        max_length=1024,
        unique=True,
        help_text="A regular expression (RE2) for the whole name of a metric, such as "
        "node_.* or (up|scrape_.*).",
    )
    is_default = models.BooleanField(default=False, editable=False)
    raw_days = models.PositiveIntegerField(
        "raw samples, days",
        default=30,
        validators=_KEPT_DAYS,
        help_text="How long samples are kept as they came in, 1 to 36,500 days.",
    )
    rollup_5m_days = models.PositiveIntegerField(
        "5-minute rollups, days",
        default=180,
        validators=_ROLLUP_DAYS,
        help_text="How long summaries of 5 minutes are kept, at least as long as raw samples; "
        "0 keeps none.",
    )
    rollup_1h_days = models.PositiveIntegerField(
        "1-hour rollups, days",
        default=730,
        validators=_ROLLUP_DAYS,
        help_text="How long summaries of an hour are kept, at least as long as those of "
        "5 minutes; 0 keeps none.",
    )

    objects = RetentionPolicies.as_manager()

    class Meta:
        verbose_name_plural = "retention policies"
        ordering = ("is_default", "position", "pk")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="retention_policy_one_default",
            ),
        ]

    def __str__(self) -> str:
        return "all other metrics" if self.is_default else self.pattern

    def clean(self) -> None:
        """Refuse what is no regular expression, and tiers that end before finer ones do."""
        errors: dict[str, str] = {}
        try:
            compile_regex(self.pattern)
        except InvalidRegexError as error:
            errors["pattern"] = str(error)
        finer_days = self.raw_days
        for name in ("rollup_5m_days", "rollup_1h_days"):
            days = getattr(self, name)
            if not days or not finer_days:  # none is kept, or what was typed is no number
                continue
            if days < finer_days:
                errors[name] = (
                    f"must be 0 or at least {finer_days}: what is kept in more detail"
                    f" for {finer_days} days needs no summary for {days}"
                )
            finer_days = days
        if errors:
            raise ValidationError(errors)


class DeletionState(models.TextChoices):
    """How far a deletion has come."""

    REQUESTED = "requested", "requested"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"


class DeletionPhase(models.TextChoices):
    """What a deletion does, in this order (store/deletion.py)."""

    FINDING = "finding", "finding series"
    SETTLING = "settling", "waiting for writes that began before"
    REWRITING = "rewriting", "rewriting segments"
    COLLECTING = "collecting", "removing metrics and labels without series"


class Deletion(models.Model):
    """Somebody's wish that series, or their samples of a range of time, be gone; kept as evidence."""

    # Series that any of these selectors selects.
    selectors = ArrayField(models.TextField())
    # Both included; both None means whole series.
    start_ms = models.BigIntegerField(null=True)
    end_ms = models.BigIntegerField(null=True)
    requested_by = models.CharField(max_length=255)
    requested_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    state = models.CharField(
        max_length=16, choices=DeletionState.choices, default=DeletionState.REQUESTED
    )
    phase = models.CharField(
        max_length=16, choices=DeletionPhase.choices, default=DeletionPhase.FINDING
    )
    series_count = models.BigIntegerField("series", default=0)
    samples_removed = models.BigIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    # Series that are newer than the wish stay.
    last_series_id = models.BigIntegerField()
    # Up to which id, of whatever its phase goes through, it has come.
    cursor = models.BigIntegerField(default=0)
    # Transactions that may still write to what it has found; None before it has looked.
    waits_for = ArrayField(models.TextField(), null=True)
    # Log rows up to this id are to be compacted before segments are rewritten.
    log_barrier = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-pk",)
        indexes = [
            # The next work; few are unfinished at any time.
            models.Index(
                fields=["id"],
                name="deletion_unfinished",
                condition=models.Q(state__in=("requested", "running")),
            ),
        ]

    def __str__(self) -> str:
        return " or ".join(self.selectors)

    @property
    def is_whole(self) -> bool:
        """Whether it removes series altogether, not only samples of a range of time."""
        return self.start_ms is None and self.end_ms is None


class DeletionMetric(models.Model):
    """A metric whose segments a deletion has still to rewrite, from this window on."""

    deletion = models.ForeignKey(Deletion, on_delete=models.CASCADE, related_name="metrics")
    # Not a foreign key: nothing is to wait for the metric, or to go with it.
    metric_id = models.BigIntegerField()
    next_window_ms = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["deletion", "metric_id"], name="deletion_metric_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"metric {self.metric_id} of deletion {self.deletion_id}"
