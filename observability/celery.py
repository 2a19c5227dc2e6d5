"""The Celery application: queues, beat and the hooks of its processes."""

import os

from celery import Celery
from django.apps import AppConfig

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")

app = Celery("observability")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class CeleryConfig(AppConfig):
    """Has every process of Django import this module.

    A process that does not, such as a web worker, would send its tasks to Celery's default
    broker instead of ours.
    """

    name = "observability.celery"
