from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.admin import ModelAdmin

from observability.metrics.models import Metric

SERIES_SHOWN = 100


@admin.register(Metric)
class MetricAdmin(ModelAdmin):  # type: ignore[misc]  # unfold publishes no types
    """What is recorded; the ingest paths write these rows, so nobody edits them here."""

    list_display = ("name", "type", "series_count", "graph", "short_help")
    list_filter = ("type",)
    search_fields = ("name", "help")
    ordering = ("name",)
    list_per_page = 50
    show_full_result_count = False
    fields = ("name", "type", "unit", "help", "graph", "series_list")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Metric]:
        queryset: QuerySet[Metric] = super().get_queryset(request)
        return queryset.annotate(series_total=Count("series"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Series", ordering="series_total")
    def series_count(self, metric: Any) -> int:
        return int(metric.series_total)

    @admin.display(description="Help")
    def short_help(self, metric: Metric) -> str:
        return Truncator(metric.help).chars(80)

    @admin.display(description="Graph")
    def graph(self, metric: Metric) -> SafeString:
        grows = metric.type == "counter" or metric.name.endswith(("_bucket", "_sum", "_count"))
        expr = f"rate({metric.name}[5m])" if grows else metric.name
        url = reverse("metrics-query") + "?" + urlencode({"expr": expr})
        return format_html('<a href="{}">Show</a>', url)

    @admin.display(description="Series")
    def series_list(self, metric: Metric) -> SafeString:
        shown = metric.series.order_by("id")[:SERIES_SHOWN]
        lines = format_html_join(
            "", "<li><code>{}</code></li>", ((str(series),) for series in shown)
        )
        return format_html("<ul>{}</ul>", lines)
