"""How many series a sender may make."""

from __future__ import annotations

import time

from django.conf import settings
from django.core.cache import cache
from django_redis.exceptions import ConnectionInterrupted
from redis import RedisError

from observability.metrics.ingest.key_counters import count_series
from observability.metrics.ingest.sender import Sender
from observability.metrics.instruments import SERIES_REFUSED
from observability.metrics.store.catalogue import SeriesLimits

_WINDOW_SECONDS = 60


def series_limits(sender: Sender) -> SeriesLimits:
    """Return the limits on what a sender makes."""
    own = sender.new_series_per_minute
    per_minute = own or settings.MAX_NEW_SERIES_PER_MINUTE
    place = "set at the key" if own else "MAX_NEW_SERIES_PER_MINUTE, or the key's own number"
    return SeriesLimits(
        max_per_metric=settings.MAX_SERIES_PER_METRIC,
        grant=lambda count: _grant(sender, count, per_minute),
        throttled=f"the key {sender.name} may make {per_minute:,} new series a minute ({place});"
        " send them again in a minute",
        made=lambda count: count_series(sender, count),
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
