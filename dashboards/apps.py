from django.apps import AppConfig

from observability.access.navigation import Entry, Section, register_entry
from observability.metrics.links import ExpressionLink, register_link


class DashboardsConfig(AppConfig):
    name = "dashboards"
    verbose_name = "Dashboards"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register_entry(
            Entry(
                section=Section.DASHBOARDS,
                title="System overview",
                icon="speed",
                url_name="system-overview",
                permission="metrics.view_series",
                order=10,
            )
        )
        register_entry(
            Entry(
                section=Section.DASHBOARDS,
                title="Dashboards",
                icon="dashboard",
                url_name="admin:dashboards_dashboard_changelist",
                permission="dashboards.view_dashboard",
                order=20,
            )
        )
        register_link(
            ExpressionLink(
                title="Put on a new dashboard",
                icon="add_chart",
                url_name="admin:dashboards_dashboard_add",
                permission="dashboards.add_dashboard",
                parameter="expr",
            )
        )
