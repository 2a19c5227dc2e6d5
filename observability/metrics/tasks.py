"""Work of the metric store that Celery does."""

from __future__ import annotations

import time

from celery import shared_task
from django.utils import timezone

from observability.metrics import store_report
from observability.metrics.ingest.otlp import running_totals
from observability.metrics.ingest.pushgateway import upkeep
from observability.metrics.store import (
    amendments,
    compaction,
    deletion,
    idle_series,
    retention,
    unused,
)
from observability.metrics.store.exemplars import removal as exemplars
from observability.metrics.store.rollups import days, expiry, making

# One run ends by itself long before its time limit, and leaves the rest to the next.
_SECONDS_PER_RUN = 50
# Of long work that makes room for other work, of compaction above all, and then goes on.
_SECONDS_PER_TURN = 15


@shared_task(ignore_result=True, soft_time_limit=120, time_limit=150)
def compact_sample_log() -> None:
    """Turn settled log rows into segments; several runs at once share the work."""
    compaction.compact_log(now_ms=_now_ms(), seconds=_SECONDS_PER_RUN)


# A day of a metric with very many series is one merge, hence the long limit.
@shared_task(ignore_result=True, soft_time_limit=900, time_limit=930)
def merge_segments() -> None:
    """Merge the segments of windows that have ended; several runs at once share the work."""
    done = compaction.merge_due(now_ms=_now_ms(), seconds=_SECONDS_PER_TURN)
    if done and compaction.due_merges(_now_ms()):
        merge_segments.delay()


@shared_task(ignore_result=True, soft_time_limit=900, time_limit=930)
def roll_up_days() -> None:
    """Roll up days of which all samples are merged; several runs at once share the work."""
    if making.roll_up_due(seconds=_SECONDS_PER_TURN) and days.due_days():
        roll_up_days.delay()


@shared_task(ignore_result=True, soft_time_limit=900, time_limit=930)
def delete_expired_rollups() -> None:
    """Delete rollups that are older than the policies keep them; running it twice is harmless."""
    expiry.delete_expired(_now_ms())


@shared_task(ignore_result=True, soft_time_limit=900, time_limit=930)
def delete_expired_samples() -> None:
    """Delete samples that are older than the policies keep them; running it twice is harmless."""
    retention.delete_expired(_now_ms())
    running_totals.expire(_now_ms())
    exemplars.delete_expired(_now_ms())


@shared_task(ignore_result=True, soft_time_limit=30, time_limit=40)
def keep_pushed_metrics_alive() -> None:
    """Write the samples of pushed groups again; several runs at once share the work."""
    upkeep.keep_alive(now_ms=_now_ms(), seconds=upkeep.INTERVAL_MS / 1000)


@shared_task(ignore_result=True, soft_time_limit=30, time_limit=40)
def tidy_amendments() -> None:
    """Forget what no kept answer depends on; running it twice is harmless."""
    amendments.tidy()


# Reads the whole catalogue: seconds for a million series.
@shared_task(ignore_result=True, soft_time_limit=240, time_limit=270)
def measure_store() -> None:
    """Count what the store holds, for its page; several runs at once leave it to one."""
    store_report.refresh_report()


# A step that rewrites a day of a metric with very many series takes minutes.
@shared_task(ignore_result=True, soft_time_limit=900, time_limit=930)
def run_deletions() -> None:
    """Go on with what people want deleted; several runs at once share the work."""
    if deletion.run_due(now_ms=_now_ms(), seconds=_SECONDS_PER_TURN):
        run_deletions.delay()


@shared_task(ignore_result=True, soft_time_limit=120, time_limit=150)
def collect_idle_series(after_metric_id: int = 0) -> None:
    """Delete series of which no sample is left; running it twice at once is harmless."""
    collected = idle_series.collect(
        now=timezone.now(), seconds=_SECONDS_PER_TURN, after_metric_id=after_metric_id
    )
    if collected.after_metric_id is not None:
        collect_idle_series.delay(collected.after_metric_id)
    else:
        delete_unused.delay()


@shared_task(ignore_result=True, soft_time_limit=120, time_limit=150)
def delete_unused(after_pair_id: int = 0) -> None:
    """Delete metrics and label pairs that no series has; running it twice at once is harmless."""
    goes_on_after = unused.delete_all(seconds=_SECONDS_PER_TURN, after_pair_id=after_pair_id)
    if goes_on_after is not None:
        delete_unused.delay(goes_on_after)


def _now_ms() -> int:
    return int(time.time() * 1000)
