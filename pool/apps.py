from django.apps import AppConfig

from observability.access.navigation import Entry, Section, register_entry


class PoolConfig(AppConfig):
    name = "pool"
    verbose_name = "Pool"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register_entry(
            Entry(
                section=Section.POOL,
                title="Hosts",
                icon="dns",
                url_name="hosts",
                permission="metrics.view_series",
                order=10,
            )
        )
