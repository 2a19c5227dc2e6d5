"""Says to the workers at once that there is work to do.

A wake-up may get lost with the queue; the beat's ticks find what is due all the same.
"""

from __future__ import annotations

from functools import lru_cache

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

_log = structlog.get_logger(__name__)


def wake(task: str, *args: int) -> bool:
    """Have a worker do a task soon; False when the queue is away and the next tick must do."""
    try:
        # Without retries: whoever has made the work due must not wait for the queue.
        _queue().send_task(task, args=args, retry=False)
    except OperationalError as error:
        _log.warning("wake-up lost, the next tick will do", task=task, error=str(error))
        return False
    return True


@lru_cache(maxsize=1)
def _queue() -> Celery:
    """Return a client of the workers' queue, in any process; only theirs load the application."""
    queue = Celery("wakeups", set_as_current=False)
    queue.config_from_object("django.conf:settings", namespace="CELERY")
    return queue
