"""What is scraped: jobs, where their targets are found, and the targets with how they do."""

from __future__ import annotations

import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone

from observability.access.key_labels import validate_labels
from observability.access.secret_fields import EncryptedTextField
from observability.metrics.scraping.errors import RelabelError
from observability.metrics.scraping.relabeling import read_rules

DEFAULT_INTERVAL_MS = 15_000
DEFAULT_TIMEOUT_MS = 10_000
MIN_INTERVAL_MS = 1_000
MAX_INTERVAL_MS = 86_400_000
DEFAULT_BODY_BYTES = 16 * 1024 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024


class Scheme(models.TextChoices):
    """How targets are reached."""

    HTTP = "http", "http"
    HTTPS = "https", "https"


class Authentication(models.TextChoices):
    """How the portal says who it is."""

    NONE = "none", "None"
    BASIC = "basic", "User name and password"
    BEARER = "bearer", "Bearer token"


class SourceKind(models.TextChoices):
    """Where targets are found."""

    STATIC = "static", "A list"
    FILE = "file", "Files"
    HTTP = "http", "An HTTP address"
    DNS = "dns", "DNS names"


class Health(models.TextChoices):
    """How the last scrape of a target went, in Prometheus's words."""

    UNKNOWN = "unknown", "Not scraped yet"
    UP = "up", "Up"
    DOWN = "down", "Down"


def validate_rules(rules: Any) -> None:
    """Raise `ValidationError` unless these are relabeling rules."""
    try:
        read_rules(rules)
    except RelabelError as error:
        raise ValidationError(str(error)) from error


def validate_params(params: Any) -> None:
    """Raise `ValidationError` unless these are URL parameters, each with a list of values."""
    is_right = isinstance(params, dict) and all(
        isinstance(values, list) and all(isinstance(value, str) for value in values)
        for values in params.values()
    )
    if not is_right:
        raise ValidationError("Parameters must be names with lists of values.")


class ScrapeJob(models.Model):
    """Targets that are scraped in the same way; its name is their label `job`."""

    name = models.CharField(
        max_length=200, unique=True, help_text="Becomes the label job of all its series."
    )
    enabled = models.BooleanField(
        default=True, help_text="A disabled job is not scraped, and its series end."
    )
    interval_ms = models.PositiveIntegerField(
        "scrape interval",
        default=DEFAULT_INTERVAL_MS,
        validators=[MinValueValidator(MIN_INTERVAL_MS), MaxValueValidator(MAX_INTERVAL_MS)],
    )
    timeout_ms = models.PositiveIntegerField(
        "scrape timeout", default=DEFAULT_TIMEOUT_MS, validators=[MinValueValidator(1)]
    )
    scheme = models.CharField(max_length=5, choices=Scheme.choices, default=Scheme.HTTP)
    metrics_path = models.CharField(max_length=1024, default="/metrics")
    params = models.JSONField(
        "URL parameters", default=dict, blank=True, validators=[validate_params]
    )
    labels = models.JSONField(default=dict, blank=True, validators=[validate_labels])
    authentication = models.CharField(
        max_length=6, choices=Authentication.choices, default=Authentication.NONE
    )
    username = models.CharField("user name", max_length=200, blank=True, default="")
    password = EncryptedTextField(blank=True, default="")
    bearer_token = EncryptedTextField(blank=True, default="")
    verify_tls = models.BooleanField(
        "check certificates",
        default=True,
        help_text="Switch off only for targets with certificates that nobody vouches for.",
    )
    honor_labels = models.BooleanField(
        default=False,
        help_text="When a label of a sample has the name of a label of the target: keep the sample's "
        "(for federation and Pushgateway). Otherwise it is renamed to exported_<name>.",
    )
    honor_timestamps = models.BooleanField(
        default=True, help_text="Use the times that the target gives with its samples, if any."
    )
    sample_limit = models.PositiveIntegerField(
        default=0, help_text="A scrape with more samples fails as a whole. 0 is no limit."
    )
    label_limit = models.PositiveIntegerField(
        default=0,
        help_text="A scrape with a series of more labels fails as a whole. 0 is no limit.",
    )
    label_name_length_limit = models.PositiveIntegerField(default=0, help_text="0 is no limit.")
    label_value_length_limit = models.PositiveIntegerField(default=0, help_text="0 is no limit.")
    body_size_limit = models.PositiveIntegerField(
        "body size limit (bytes)",
        default=DEFAULT_BODY_BYTES,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_BODY_BYTES)],
        help_text="A scrape whose answer, unpacked, is larger fails as a whole.",
    )
    relabel_rules = models.JSONField(default=list, blank=True, validators=[validate_rules])
    metric_relabel_rules = models.JSONField(default=list, blank=True, validators=[validate_rules])
    created_at = models.DateTimeField(auto_now_add=True)
    # Tells one state of the job from another in the memory of the process that scrapes.
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(timeout_ms__lte=models.F("interval_ms")),
                name="metrics_scrapejob_timeout",
                violation_error_message="The timeout must not be longer than the interval.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:metrics_scrapejob_change", args=[self.pk])


class ScrapeSource(models.Model):
    """One place where targets of a job are found, and what was found there last.

    `config` by kind: static `targets`, `labels`; file `paths`; HTTP `url`; DNS `names`, `type`, `port`.
    """

    job = models.ForeignKey(ScrapeJob, on_delete=models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=6, choices=SourceKind.choices)
    config = models.JSONField(default=dict)
    refresh_seconds = models.PositiveIntegerField(
        "refresh every",
        default=60,
        validators=[MinValueValidator(5), MaxValueValidator(86_400)],
        help_text="Seconds from one look to the next.",
    )
    # In Prometheus's form: a list of objects with `targets` and `labels`.
    groups = models.JSONField(default=list, editable=False)
    next_refresh_at = models.DateTimeField(default=timezone.now, null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    refreshed_at = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)

    class Meta:
        ordering = ["pk"]
        verbose_name = "source of targets"
        verbose_name_plural = "sources of targets"

    def __str__(self) -> str:
        return f"{self.job.name}: {SourceKind(self.kind).label.lower()}"


class ScrapeTargetQuerySet(models.QuerySet["ScrapeTarget"]):
    """Targets by what they are waiting for."""

    def present(self) -> ScrapeTargetQuerySet:
        """Return targets that are to be scraped."""
        return self.filter(gone_at=None)

    def free(self, *, at: datetime.datetime) -> ScrapeTargetQuerySet:
        """Return targets that no living process has in hand."""
        return self.filter(models.Q(lease_until=None) | models.Q(lease_until__lte=at))


class ScrapeTarget(models.Model):
    """One thing that is scraped, as it was found, and how its last scrape went.

    A target that is no longer found is `gone`: its series still have to be ended, and then the
    row is deleted (scraping/recording.py).
    """

    job = models.ForeignKey(
        ScrapeJob, null=True, on_delete=models.SET_NULL, related_name="targets", editable=False
    )
    # BLAKE2b-128 of labels and URL.
    fingerprint = models.BinaryField(max_length=16)
    # As they were found, before relabeling, and what became of them.
    discovered_labels = models.JSONField(default=dict)
    labels = models.JSONField(default=dict)
    url = models.TextField("address")
    interval_ms = models.PositiveIntegerField()
    timeout_ms = models.PositiveIntegerField()
    health = models.CharField(
        max_length=7, choices=Health.choices, default=Health.UNKNOWN, db_default=Health.UNKNOWN
    )
    last_scrape_at = models.DateTimeField("last scrape", null=True)
    duration_ms = models.FloatField(null=True)
    last_error = models.TextField("error", blank=True, default="", db_default="")
    scraped_samples = models.PositiveIntegerField("samples", default=0, db_default=0)
    kept_samples = models.PositiveIntegerField("samples after relabeling", default=0, db_default=0)
    next_scrape_at = models.DateTimeField()
    # Ends only ever later for one target, so its value also tells one lease from another.
    lease_until = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    # The series of the last scrape (scraping/tracked_series.py), and a hash that tells whether they changed.
    series = models.BinaryField(default=b"", db_default=b"")
    series_digest = models.BinaryField(max_length=16, default=b"", db_default=b"")

    objects = ScrapeTargetQuerySet.as_manager()

    class Meta:
        ordering = ["job__name", "url", "pk"]
        verbose_name = "target"
        constraints = [
            # Finding the same target again changes nothing.
            models.UniqueConstraint(
                fields=["job", "fingerprint"], name="metrics_scrapetarget_unique"
            ),
        ]
        indexes = [
            # The claim of what is due, each second.
            models.Index(fields=["next_scrape_at"], name="metrics_scrapetarget_due"),
        ]

    def __str__(self) -> str:
        return str(self.labels.get("instance") or self.url)

    def get_absolute_url(self) -> str:
        """Return the address of its page in the admin."""
        return reverse("admin:metrics_scrapetarget_change", args=[self.pk])
