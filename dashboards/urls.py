"""The URLs of dashboards."""

from dashboards.pages import dashboard_page, system_overview_page
from observability.access.pages import admin_page

urlpatterns = [
    admin_page(
        "dashboards/system/",
        system_overview_page,
        name="system-overview",
        permission="metrics.view_series",
    ),
    admin_page(
        "dashboards/view/<slug:slug>/",
        dashboard_page,
        name="dashboard",
        permission="dashboards.view_dashboard",
    ),
]
