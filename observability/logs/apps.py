from django.apps import AppConfig


class LogsConfig(AppConfig):
    name = "observability.logs"
    label = "logs"
    verbose_name = "Logs"
    default_auto_field = "django.db.models.BigAutoField"
