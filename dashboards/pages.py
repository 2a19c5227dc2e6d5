"""The pages that show dashboards."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from dashboards.models import Dashboard
from dashboards.panels import DashboardConfig, read_config
from dashboards.system_overview import SYSTEM_OVERVIEW
from observability.access.pages import render_page
from observability.metrics.ranges import RANGES


def system_overview_page(request: HttpRequest) -> HttpResponse:
    """Show the machines that the portal watches."""
    return _show(request, SYSTEM_OVERVIEW, title="System overview", description="")


def dashboard_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one dashboard that the user may see."""
    dashboard = get_object_or_404(Dashboard.objects.visible_to(request.user), slug=slug)
    config = read_config(dashboard.config)
    return _show(request, config, title=dashboard.name, description=dashboard.description)


def _show(
    request: HttpRequest, config: DashboardConfig, *, title: str, description: str
) -> HttpResponse:
    chosen = request.GET.get("range", "")
    context = {
        "panels": config.panels,
        "description": description,
        "ranges": list(RANGES),
        "range": chosen,
        "range_seconds": RANGES.get(chosen, config.range_seconds),
        "refresh_seconds": config.refresh_seconds,
    }
    return render_page(request, "dashboards/dashboard.html", title=title, context=context)
