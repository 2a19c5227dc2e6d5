from django.apps import AppConfig

from observability.access.navigation import Entry, Section, register_entry
from observability.metrics.ingest.disk_space import check_room
from observability.telemetry.health import register_check


class MetricsConfig(AppConfig):
    name = "observability.metrics"
    label = "metrics"
    verbose_name = "Metrics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Reads models, which are there from now on.
        from observability.metrics.key_usage import register_key_usage  # noqa: PLC0415

        register_check("samples", check_room, critical=False)
        register_key_usage()
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Query",
                icon="query_stats",
                url_name="metrics-query",
                permission="metrics.view_series",
                order=10,
            )
        )
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Store",
                icon="database",
                url_name="metrics-store",
                permission="metrics.view_series",
                order=90,
            )
        )
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Metrics",
                icon="list_alt",
                url_name="admin:metrics_metric_changelist",
                permission="metrics.view_metric",
                order=20,
            )
        )
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Pushed groups",
                icon="upload",
                url_name="admin:metrics_pushgroup_changelist",
                permission="metrics.view_pushgroup",
                order=50,
            )
        )
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Lifetimes of pushes",
                icon="timer",
                url_name="admin:metrics_pushlifetime_changelist",
                permission="metrics.view_pushlifetime",
                order=51,
            )
        )
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Targets",
                icon="target",
                url_name="admin:metrics_scrapetarget_changelist",
                permission="metrics.view_scrapetarget",
                order=60,
            )
        )
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Scrape jobs",
                icon="radar",
                url_name="admin:metrics_scrapejob_changelist",
                permission="metrics.view_scrapejob",
                order=61,
            )
        )
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Retention",
                icon="auto_delete",
                url_name="admin:metrics_retentionpolicy_changelist",
                permission="metrics.view_retentionpolicy",
                order=92,
            )
        )
        register_entry(
            Entry(
                section=Section.METRICS,
                title="Deletions",
                icon="delete_sweep",
                url_name="admin:metrics_deletion_changelist",
                permission="metrics.view_deletion",
                order=93,
            )
        )
