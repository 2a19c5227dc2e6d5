from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "observability.telemetry"
    label = "telemetry"
    verbose_name = "Telemetry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Imported here because they need settings and Celery signals that are not there earlier.
        from observability.telemetry import checks, workers  # noqa: PLC0415

        checks.register_base_checks()
        workers.connect()
