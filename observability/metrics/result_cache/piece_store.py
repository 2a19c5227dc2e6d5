"""Where pieces are kept: Redis, which is asked once a query, and left alone for a while when it is away."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache

import structlog
from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from observability.metrics.store.amendments import MAX_KEPT_SECONDS

MAX_PIECE_BYTES = 256 * 1024
"""Larger ones are not kept: writing them out as JSON takes longer than working them out."""

# A query does not wait for Redis longer than it would take without.
_TIMEOUT_SECONDS = 0.25
_PAUSE_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@lru_cache(maxsize=1)
def _client(url: str) -> Redis[bytes]:
    # Not the client of Django's cache, which waits for ten seconds.
    return Redis.from_url(
        url,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        # A connection that was closed while it was idle is opened again at once.
        retry=Retry(NoBackoff(), 1),
    )


class PieceStore:
    """Pieces by their keys; without answers while Redis is away."""

    def __init__(self) -> None:
        self._paused_until = 0.0

    def get(self, keys: Sequence[str]) -> list[bytes | None] | None:
        """Return what is kept under these keys; None when Redis is away."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            found: list[bytes | None] = _client(settings.REDIS_URL).mget(keys)
        except RedisError as error:
            self._pause(error)
            return None
        return found

    def put(self, pieces: Mapping[str, bytes]) -> None:
        """Keep pieces that are not too large, if Redis is there."""
        pipeline = _client(settings.REDIS_URL).pipeline(transaction=False)
        for key, data in pieces.items():
            if len(data) <= MAX_PIECE_BYTES:
                pipeline.set(key, data, ex=MAX_KEPT_SECONDS)
        try:
            pipeline.execute()
        except RedisError as error:
            self._pause(error)

    def _pause(self, error: RedisError) -> None:
        self._paused_until = time.monotonic() + _PAUSE_SECONDS
        _log.warning("query cache away", error=str(error))
