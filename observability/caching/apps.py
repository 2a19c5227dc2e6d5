from django.apps import AppConfig


class CachingConfig(AppConfig):
    name = "observability.caching"
    label = "caching"
    verbose_name = "Caching"
    default_auto_field = "django.db.models.BigAutoField"
