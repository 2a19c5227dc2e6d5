"""Work of the metric store that Celery does."""

from __future__ import annotations

import time

from celery import shared_task

from observability.metrics.ingest.acceptance import RETENTION_MS
from observability.metrics.ingest.pushgateway import upkeep
from observability.metrics.store import compaction, retention

# One run ends by itself long before its time limit, and leaves the rest to the next.
_SECONDS_PER_RUN = 50


@shared_task(ignore_result=True, soft_time_limit=120, time_limit=150)
def compact_sample_log() -> None:
    """Turn settled log rows into segments; several runs at once share the work."""
    compaction.compact_log(now_ms=_now_ms(), seconds=_SECONDS_PER_RUN)


# A day of a metric with very many series is one merge, hence the long limit.
@shared_task(ignore_result=True, soft_time_limit=900, time_limit=930)
def merge_segments() -> None:
    """Merge the segments of windows that have ended; several runs at once share the work."""
    compaction.merge_due(now_ms=_now_ms(), seconds=_SECONDS_PER_RUN)


@shared_task(ignore_result=True, soft_time_limit=900, time_limit=930)
def delete_expired_samples() -> None:
    """Delete samples that are older than the retention; running it twice is harmless."""
    retention.delete_before(_now_ms() - RETENTION_MS)


@shared_task(ignore_result=True, soft_time_limit=30, time_limit=40)
def keep_pushed_metrics_alive() -> None:
    """Write the samples of pushed groups again; several runs at once share the work."""
    upkeep.keep_alive(now_ms=_now_ms(), seconds=upkeep.INTERVAL_MS / 1000)


def _now_ms() -> int:
    return int(time.time() * 1000)
