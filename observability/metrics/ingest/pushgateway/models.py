"""What was pushed: groups of metrics, and how long those of a job stay."""

from __future__ import annotations

from django.db import models

from observability.promql.durations import format_duration


class PushGroup(models.Model):
    """The metrics that are pushed under one set of grouping labels; every push replaces some."""

    job = models.TextField()
    # The grouping labels, `job` among them.
    labels = models.JSONField()
    # Those of the API key, which all its series get; keys with different ones never share a group.
    added_labels = models.JSONField(default=dict)
    # BLAKE2b-128 of both.
    fingerprint = models.BinaryField(max_length=16)
    # None while no push has succeeded, or none has failed.
    pushed_at = models.DateTimeField("last push", null=True)
    failed_at = models.DateTimeField("last failure", null=True)
    # What the last push asked for: 0 is forever, None that it asked for nothing.
    own_lifetime_ms = models.BigIntegerField(null=True)
    expires_at = models.DateTimeField("expires", null=True)
    series_count = models.IntegerField("series", default=0)
    # The time of the newest samples; later ones, such as stale markers, must not be older.
    written_ms = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "pushed group"
        constraints = [
            # Makes the first push of a group safe between processes.
            models.UniqueConstraint(fields=["fingerprint"], name="push_group_unique"),
        ]
        indexes = [
            # Which groups are due to be written again, and which have expired (upkeep.py).
            models.Index(fields=["written_ms"], name="push_group_written"),
            models.Index(fields=["expires_at"], name="push_group_expires"),
            # The groups of a job whose lifetime changes (lifetimes.py).
            models.Index(fields=["job"], name="push_group_job"),
        ]

    def __str__(self) -> str:
        job, *others = self.all_labels.items()
        return " ".join([job[1], *(f"{name}={value}" for name, value in others)])

    @property
    def all_labels(self) -> dict[str, str]:
        """The labels that its series have in common, `job` first."""
        others = {**self.labels, **self.added_labels}
        return {"job": others.pop("job", self.job), **dict(sorted(others.items()))}


class PushedMetric(models.Model):
    """A metric family of a group, as it was pushed last."""

    group = models.ForeignKey(PushGroup, on_delete=models.CASCADE, related_name="metrics")
    name = models.CharField(max_length=1024)
    type = models.CharField(max_length=16)
    help = models.TextField(blank=True)
    series_count = models.IntegerField("series")
    # Lines of the text format, all labels and no times in them.
    text = models.TextField("series and values")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["group", "name"], name="pushed_metric_unique"),
        ]
        indexes = [
            # Of which types other groups have a metric.
            models.Index(fields=["name", "type"], name="pushed_metric_name_type"),
        ]

    def __str__(self) -> str:
        return self.name


class PushLifetime(models.Model):
    """How long the pushed metrics of a job stay, when a push does not say it itself."""

    job = models.TextField(unique=True, help_text="As in /metrics/job/backup.")
    # 0 is forever.
    lifetime_ms = models.BigIntegerField("lifetime")

    class Meta:
        ordering = ["job"]
        verbose_name = "lifetime of pushes"
        verbose_name_plural = "lifetimes of pushes"

    def __str__(self) -> str:
        return f"{self.job}: {format_duration(self.lifetime_ms) if self.lifetime_ms else 'never'}"
