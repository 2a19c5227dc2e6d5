from django.apps import AppConfig

from observability.access.navigation import Entry, Section, register_entry


class DatabaseConfig(AppConfig):
    name = "observability.database"
    label = "database"
    verbose_name = "Database"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register_entry(
            Entry(
                section=Section.DATABASE,
                title="PostgreSQL",
                icon="database",
                url_name="database-state",
                permission="database.view_insight",
                order=10,
            )
        )
