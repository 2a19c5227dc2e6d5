from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from alerts.admin.alert_actions import act
from alerts.admin.alert_list import alert_list, read_address, selected_alerts
from alerts.admin.alert_page import alert_graph, alert_page
from alerts.listing import in_groups
from alerts.models import Alert


@admin.register(Alert)
class AlertAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """Pages of our own in the place of Django's; what people do about alerts goes through `act`."""

    # What the search above all pages finds.
    search_fields = ("name", "labels")
    ordering = ("state", "-active_at", "-pk")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        act_view = self.admin_site.admin_view(self.act)
        graph_view = self.admin_site.admin_view(self.graph)
        urls: list[URLPattern] = super().get_urls()
        return [
            path("act/", act_view, name="alerts_alert_act"),
            path("<int:alert_id>/graph/", graph_view, name="alerts_alert_graph"),
            *urls,
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        return Alert.objects.select_related("rule__group")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        return alert_list(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        alert = self.get_object(request, object_id)
        if alert is None:
            raise Http404(f"there is no alert {object_id}")
        return alert_page(request, alert)

    def graph(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        """Answer what the alert's page draws."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        return alert_graph(get_object_or_404(self.get_queryset(request), pk=alert_id))

    def act(self, request: HttpRequest) -> HttpResponse:
        """Acknowledge, comment or resolve what the form names."""
        if not request.user.has_perm("alerts.change_alert"):
            raise PermissionDenied
        return act(request, _chosen(request.POST))


def _chosen(given: QueryDict) -> QuerySet[Alert]:
    """Return the alerts that a form names: one by one, by their groups, or all of a list."""
    query = QueryDict(given.get("query", "").removeprefix("?"))
    if "everything" in given:
        return selected_alerts(query)
    ids = [int(text) for text in given.getlist("alert") if text.isdecimal() and len(text) < 19]
    chosen: QuerySet[Alert] = Alert.objects.filter(pk__in=ids)
    if keys := given.getlist("in_group"):
        by = read_address(query).by
        groups = in_groups(selected_alerts(query), by, keys)
        chosen = Alert.objects.filter(pk__in=ids) | Alert.objects.filter(pk__in=groups.values("pk"))
    return chosen
