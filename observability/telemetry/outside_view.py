"""What `watch` measures of beat, workers, queues and the disk, from outside of all of them."""

from __future__ import annotations

import math
import shutil

from django.conf import settings

from observability.telemetry.health import Status, run_checks
from observability.telemetry.heartbeats import heartbeat_age
from observability.telemetry.instruments import (
    BEAT_AGE,
    DISK_FREE,
    HEALTH,
    QUEUE_AGE,
    QUEUE_LENGTH,
    WORKER_SILENCE,
)
from observability.telemetry.queues import QUEUES, queue_state

_HEALTH_VALUES = {Status.OK: 1.0, Status.DEGRADED: 0.5, Status.FAILING: 0.0}


def measure_disk() -> None:
    """Measure the space left for data."""
    DISK_FREE.set(shutil.disk_usage(settings.DATA_DIR).free)


def measure_health() -> None:
    """Measure what the health checks say."""
    for name, result in run_checks().checks.items():
        HEALTH.labels(name).set(_HEALTH_VALUES[result.status])


def measure_celery() -> None:
    """Measure how long beat and workers have been silent, and what waits in the queues.

    Raises `redis.RedisError` when Redis is away.
    """
    BEAT_AGE.set(_silence("beat"))
    for queue in QUEUES:
        WORKER_SILENCE.labels(queue).set(_silence(queue))
        state = queue_state(queue)
        QUEUE_LENGTH.labels(queue).set(state.length)
        QUEUE_AGE.labels(queue).set(state.age_seconds)


def _silence(role: str) -> float:
    age = heartbeat_age(role)
    return math.inf if age is None else age
