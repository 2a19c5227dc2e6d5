from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from observability.access.shown import ago, in_words
from observability.metrics.ingest.pushgateway import groups
from observability.metrics.ingest.pushgateway.lifetimes import (
    FOREVER,
    apply_to_job,
    read_lifetime_ms,
)
from observability.metrics.ingest.pushgateway.models import PushedMetric, PushGroup, PushLifetime
from observability.metrics.samples import MetricType
from observability.promql.durations import format_duration

# Of a group, and of each of its metrics, so many are shown.
METRICS_SHOWN = 100
SERIES_SHOWN = 20


class PushStateFilter(admin.SimpleListFilter):
    """Which groups need a look?"""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failed", "Last push failed"), ("expiring", "Expires"), ("kept", "Never expires")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PushGroup]) -> QuerySet[PushGroup]:
        match self.value():
            case "failed":
                return queryset.filter(
                    Q(failed_at__gt=F("pushed_at")) | Q(failed_at__isnull=False, pushed_at=None)
                )
            case "expiring":
                return queryset.filter(expires_at__isnull=False)
            case "kept":
                return queryset.filter(expires_at=None)
            case _:
                return queryset


@admin.register(PushGroup)
class PushGroupAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    list_display = ("job", "shown_labels", "last_push", "shown_state", "expires", "metric_count", "series_count")  # fmt: skip
    list_filter = (PushStateFilter,)
    search_fields = ("job", "labels")
    search_help_text = "Search jobs and labels"
    ordering = ("job", "pk")
    show_full_result_count = False
    fields = ("shown_labels", "last_push", "failed_at", "expires", "series_count", "shown_metrics")
    readonly_fields = fields
    empty_title = "Nothing was pushed"
    empty_hint = "Jobs that are too short to be scraped push their metrics to /metrics/job/<job>, as to a Pushgateway. They stay here until they are deleted or expire."

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushGroup]:
        queryset: QuerySet[PushGroup] = super().get_queryset(request)
        return queryset.annotate(metric_total=Count("metrics"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # A deleted group's series end, which the rows alone do not say.
    def delete_model(self, request: HttpRequest, obj: PushGroup) -> None:
        groups.delete_by_ids([obj.pk], now_ms=_now_ms())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PushGroup]) -> None:
        groups.delete_by_ids(list(queryset.values_list("pk", flat=True)), now_ms=_now_ms())

    @display(description="labels")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_labels(self, group: PushGroup) -> SafeString:
        joined = format_html_join(
            "", '<span class="portal-chip">{}={}</span>', group.all_labels.items()
        )
        return format_html('<span class="portal-chips">{}</span>', joined)

    @display(description="last push", ordering="pushed_at")  # type: ignore[untyped-decorator] # unfold has no types
    def last_push(self, group: PushGroup) -> SafeString | str:
        if group.pushed_at is None:
            return "never"
        return ago(group.pushed_at)

    @display(  # type: ignore[untyped-decorator] # unfold has no types
        description="state", label={"Pushed": "success", "Last push failed": "danger"}
    )
    def shown_state(self, group: PushGroup) -> str:
        is_failed = group.failed_at and (not group.pushed_at or group.failed_at > group.pushed_at)
        return "Last push failed" if is_failed else "Pushed"

    @display(description="expires", ordering="expires_at")  # type: ignore[untyped-decorator] # unfold has no types
    def expires(self, group: PushGroup) -> SafeString | str:
        if group.expires_at is None:
            return "never"
        if group.expires_at <= timezone.now():
            return in_words(group.expires_at, "now")
        return in_words(group.expires_at, f"in {_span(group.expires_at - timezone.now())}")

    @display(description="metrics")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_metrics(self, group: Any) -> SafeString:
        shown = group.metrics.all()[:METRICS_SHOWN]
        blocks = format_html_join("", "{}", ((_shown_metric(metric),) for metric in shown))
        more = group.metric_total - METRICS_SHOWN
        return format_html("{} {}", blocks, f"and {more:,} more metrics" if more > 0 else "")

    @display(description="metrics", ordering="metric_total")  # type: ignore[untyped-decorator] # unfold has no types
    def metric_count(self, group: Any) -> int:
        return int(group.metric_total)


class LifetimeField(forms.CharField):
    """How long something stays, as milliseconds inside."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        """Return the text to show."""
        if not isinstance(value, int):
            return value
        return "never" if value == FOREVER else format_duration(value)

    def clean(self, value: Any) -> int:
        """Return milliseconds."""
        try:
            return read_lifetime_ms(super().clean(value))
        except ValueError as error:
            raise forms.ValidationError(str(error), code="invalid") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare texts."""
        return super().has_changed(self.prepare_value(initial), data)


class PushLifetimeForm(forms.ModelForm):  # type: ignore[type-arg] # generic in the stubs only
    lifetime_ms = LifetimeField(
        label="Expires after",
        help_text="Such as 1h or 7d after the last push; never keeps it until it is deleted."
        " A push that says it itself (X-Push-Ttl) wins.",
    )

    class Meta:
        model = PushLifetime
        fields: ClassVar[list[str]] = ["job", "lifetime_ms"]
        widgets: ClassVar[dict[str, Any]] = {"job": UnfoldAdminTextInputWidget}


@admin.register(PushLifetime)
class PushLifetimeAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    form = PushLifetimeForm
    list_display = ("job", "shown_lifetime")
    search_fields = ("job",)
    empty_title = "No job has a lifetime of its own"
    empty_hint = "Pushed metrics of other jobs stay as PUSHGATEWAY_TTL says. Add a job whose metrics are to go when it has not pushed for a while."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("job",)

    def save_model(self, request: HttpRequest, obj: PushLifetime, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        apply_to_job(obj.job)

    def delete_model(self, request: HttpRequest, obj: PushLifetime) -> None:
        super().delete_model(request, obj)
        apply_to_job(obj.job)

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[PushLifetime]) -> None:
        for lifetime in list(queryset):
            self.delete_model(request, lifetime)

    @display(description="expires after", ordering="lifetime_ms")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_lifetime(self, lifetime: PushLifetime) -> str:
        return "never" if lifetime.lifetime_ms == FOREVER else format_duration(lifetime.lifetime_ms)


def _shown_metric(metric: PushedMetric) -> SafeString:
    """Return a metric with its first series and their values."""
    lines = metric.text.split("\n", SERIES_SHOWN)[:SERIES_SHOWN]
    more = metric.series_count - SERIES_SHOWN
    return format_html(
        '<div class="mb-4"><div><strong>{}</strong> {} {}</div>{}{}</div>',
        metric.name,
        "" if metric.type == MetricType.UNKNOWN else metric.type,
        metric.help,
        format_html_join("", "<div><code>{}</code></div>", ((line,) for line in lines if line)),
        f"and {more:,} more series" if more > 0 else "",
    )


def _span(span: timedelta) -> str:
    """Return a stretch of time in its largest one or two units."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    now = timezone.now()
    return timesince(now - timedelta(seconds=seconds), now)


def _now_ms() -> int:
    return int(time.time() * 1000)
