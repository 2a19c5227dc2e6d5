"""How many series a sender may make."""

from __future__ import annotations

import time

from django.core.cache import cache
from django_redis.exceptions import ConnectionInterrupted
from redis import RedisError

from observability.metrics.ingest.sender import Sender
from observability.metrics.instruments import SERIES_REFUSED
from observability.metrics.store.catalogue import SeriesLimits

# A metric with more series than this is a label that holds ids; others could not be asked any more.
MAX_SERIES_PER_METRIC = 200_000
# Lets a Prometheus with 100,000 series start at once.
NEW_SERIES_PER_MINUTE = 200_000
_WINDOW_SECONDS = 60


def series_limits(sender: Sender) -> SeriesLimits:
    """Return the limits on what a sender makes."""
    per_minute = sender.new_series_per_minute or NEW_SERIES_PER_MINUTE
    return SeriesLimits(
        max_per_metric=MAX_SERIES_PER_METRIC,
        grant=lambda count: _grant(sender, count, per_minute),
        throttled=f"{sender.name} may make {per_minute:,} new series a minute",
    )


def _grant(sender: Sender, count: int, per_minute: int) -> int:
    """Return how many of `count` new series are within the sender's number for this minute.

    All are while Redis, which counts them for all processes, is away.
    """
    if sender.key_id is None:
        return count
    minute = int(time.time()) // _WINDOW_SECONDS
    key = f"new-series:{sender.key_id}:{minute}"
    try:
        cache.add(key, 0, timeout=2 * _WINDOW_SECONDS)
        made = cache.incr(key, count)
    except (RedisError, ConnectionInterrupted, ValueError):  # away, or emptied in between
        return count
    granted = int(max(min(count, per_minute - (made - count)), 0))
    if granted < count:
        SERIES_REFUSED.labels(reason="rate").inc(count - granted)
    return granted
