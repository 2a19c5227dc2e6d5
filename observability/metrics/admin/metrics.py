from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.admin import ModelAdmin

from observability.metrics.explorer.page import metric_page
from observability.metrics.explorer.recency import last_sample_ms
from observability.metrics.models import Metric
from observability.metrics.templatetags.figures import ago_ms

_HELP_SHOWN = 80


class MetricList(ChangeList):
    """Asks for the last samples of all metrics of a page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Told below the list, where it follows the search.
        self.full_result_count = self.result_count
        metrics: Any = self.result_list
        newest = last_sample_ms([metric.pk for metric in metrics])
        for metric in metrics:
            metric.last_sample_ms = newest.get(metric.pk)


@admin.register(Metric)
class MetricAdmin(ModelAdmin):  # type: ignore[misc]  # unfold publishes no types
    """The metric explorer; the ingest paths write these rows, so nobody edits them here."""

    list_display = ("name", "type", "unit", "shown_series", "last_sample", "short_help")
    list_filter = ("type",)
    search_fields = ("name", "help")
    search_help_text = "Search names and help"
    ordering = ("name",)
    list_per_page = 50
    show_full_result_count = False
    empty_title = "No metrics yet"

    class Media:
        js = ("portal/live_search.js",)

    @property
    def empty_hint(self) -> SafeString:
        """Say how the first metrics come in."""
        return format_html(
            "Make an <a class='portal-link' href='{}'>API key</a> and send some: with Prometheus's remote write"
            " to <code>/api/v1/write</code>, or as JSON to <code>/api/metrics</code>"
            " (<a class='portal-link' href='{}'>how</a>). The portal's own metrics appear here by themselves"
            " while <code>watch</code> runs.",
            reverse("admin:access_apikey_add"),
            reverse("api-docs"),
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MetricList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what the metric is made of; there is nothing to change."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        metric = self.get_object(request, object_id)
        if metric is None:
            raise Http404(f"there is no metric {object_id}")
        return metric_page(request, metric)

    @admin.display(description="Series", ordering="series_count")
    def shown_series(self, metric: Metric) -> str:
        return f"{metric.series_count:,}"

    @admin.display(description="Last sample")
    def last_sample(self, metric: Any) -> SafeString | str:
        return ago_ms(metric.last_sample_ms)

    @admin.display(description="Help")
    def short_help(self, metric: Metric) -> str:
        return Truncator(metric.help).chars(_HELP_SHOWN)
