from django.apps import AppConfig

from alerts.navigation import register_notification_pages


class AlertsConfig(AppConfig):
    name = "alerts"
    verbose_name = "Alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register_notification_pages()
