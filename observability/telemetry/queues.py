"""What waits in Celery's queues in Redis, seen from outside of the workers."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec
from django_redis import get_redis_connection

QUEUES = ("timely", "bulk")
PUBLISHED_AT_HEADER = "published_at"


class _Headers(msgspec.Struct):
    published_at: float | None = None


class _Message(msgspec.Struct):
    headers: _Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """How much waits in a queue, and for how long.

    Attributes:
        length: Tasks that no worker has taken.
        age_seconds: How long the oldest of them has waited; 0 for an empty queue.
    """

    length: int
    age_seconds: float


def queue_state(queue: str) -> QueueState:
    """Return the state of a queue; raises `redis.RedisError` when Redis is away."""
    pipeline = get_redis_connection("default").pipeline(transaction=True)
    # kombu pushes on the left and takes from the right.
    length, oldest = pipeline.llen(queue).lindex(queue, -1).execute()
    published_at = (
        msgspec.json.decode(oldest, type=_Message).headers.published_at if oldest else None
    )
    age = 0.0 if published_at is None else max(0.0, time.time() - published_at)
    return QueueState(length=length, age_seconds=age)
