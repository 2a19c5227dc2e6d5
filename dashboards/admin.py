from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from dashboards.models import Dashboard

EXAMPLE = {
    "panels": [
        {"title": "Load", "expr": "node_load1", "legend": "{{instance}}"},
    ]
}


@admin.register(Dashboard)
class DashboardAdmin(ModelAdmin):  # type: ignore[misc]  # unfold publishes no types
    list_display = ("name", "open_page", "is_public", "owner", "updated_at")
    list_filter = ("is_public",)
    list_select_related = ("owner",)
    search_fields = ("name", "description")
    prepopulated_fields = {"slug": ("name",)}
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dashboard]:
        queryset: QuerySet[Dashboard] = super().get_queryset(request)
        return queryset.filter(pk__in=Dashboard.objects.visible_to(request.user).values("pk"))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        expr = request.GET.get("expr", "")
        # The title is up to whoever makes the dashboard; the expression says most of it until then.
        panel = {"title": expr[:80], "expr": expr}
        return {"config": {"panels": [panel]} if expr else EXAMPLE}

    def save_model(
        self, request: HttpRequest, obj: Dashboard, form: forms.ModelForm[Dashboard], change: bool
    ) -> None:
        if not change:
            obj.owner_id = request.user.pk
        super().save_model(request, obj, form, change)

    @admin.display(description="Page")
    def open_page(self, dashboard: Dashboard) -> SafeString:
        return format_html('<a href="{}">Open</a>', dashboard.get_absolute_url())
