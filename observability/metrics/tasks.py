"""Work of the metric store that Celery does."""

from __future__ import annotations

import time

from celery import shared_task

from observability.metrics.ingest.acceptance import RETENTION_MS
from observability.metrics.store import log


@shared_task(ignore_result=True)
def delete_expired_samples() -> None:
    """Delete samples that are older than the retention; running it twice is harmless."""
    log.delete_before(int(time.time() * 1000) - RETENTION_MS)
