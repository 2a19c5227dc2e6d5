"""The Celery application: queues, beat and the hooks of its processes."""

import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning
from django.apps import AppConfig

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")

# Celery advises against running as root at every start, for the sake of workers that take pickled
# tasks from a broker. Ours take JSON only, and who starts the portal as root has chosen to.
warnings.filterwarnings("ignore", "You're running the worker with superuser", SecurityWarning)

app = Celery("observability")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class CeleryConfig(AppConfig):
    """Has every process of Django import this module.

    A process that does not, such as a web worker, would send its tasks to Celery's default
    broker instead of ours.
    """

    name = "observability.celery"
