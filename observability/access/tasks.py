"""Work of access that Celery does."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from observability.access.retention import delete_old_sign_ins


@shared_task(ignore_result=True)
def delete_old_access_records() -> None:
    """Delete old records of sign-ins, and sessions that have ended; running it twice is harmless."""
    delete_old_sign_ins(now=timezone.now())
    call_command("clearsessions")
