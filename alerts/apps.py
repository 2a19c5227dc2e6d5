from django.apps import AppConfig

from alerts.navigation import register_notification_pages, register_rule_pages
from observability.telemetry.health import register_check


class AlertsConfig(AppConfig):
    name = "alerts"
    verbose_name = "Alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # A check reads models, which are there from now on.
        from alerts.rules.lateness import check_rules  # noqa: PLC0415
        from alerts.rules.watched_folder import check_rule_files  # noqa: PLC0415

        register_rule_pages()
        register_notification_pages()
        register_check("rules", check_rules, critical=False)
        register_check("rule-files", check_rule_files, critical=False)
