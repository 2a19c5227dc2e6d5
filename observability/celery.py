"""The Celery application: queues, beat and the hooks of its processes."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")

app = Celery("observability")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
