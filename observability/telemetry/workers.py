"""Celery's processes under observation: request ids on tasks, waiting times, signs of life."""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog
from celery import signals
from celery.app.task import Task
from redis import RedisError

from observability.telemetry.heartbeats import leave_heartbeat, withdraw_heartbeat
from observability.telemetry.instruments import WORKER_LAG
from observability.telemetry.process import start_reporter
from observability.telemetry.queues import PUBLISHED_AT_HEADER

REQUEST_ID_HEADER = "request_id"

log = structlog.get_logger(__name__)


class _ThisProcess:
    """What the signals have told about the Celery process they came in."""

    lock = threading.Lock()
    queues: tuple[str, ...] = ()
    is_beat = False
    last_heartbeat = 0.0


def connect() -> None:
    """Listen to Celery; harmless in processes that run no Celery."""
    signals.setup_logging.connect(_keep_logging)
    signals.before_task_publish.connect(_mark_message)
    signals.after_task_publish.connect(_note_beat)
    signals.task_prerun.connect(_begin_task)
    signals.task_postrun.connect(_end_task)
    signals.celeryd_after_setup.connect(_start_worker)
    signals.worker_process_init.connect(_start_pool_process)
    signals.heartbeat_sent.connect(_leave_worker_heartbeat)
    signals.worker_shutdown.connect(_withdraw_worker_heartbeat)
    signals.beat_init.connect(_start_beat)


def _keep_logging(**_: Any) -> None:
    """Keep Celery from setting up logs of its own: it leaves them alone when anybody listens."""


def _mark_message(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is None:
        return
    headers.setdefault(PUBLISHED_AT_HEADER, time.time())
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id is not None:
        headers.setdefault(REQUEST_ID_HEADER, request_id)


def _begin_task(task: Task[Any, Any], task_id: str, **_: Any) -> None:
    headers = task.request
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        request_id=headers.get(REQUEST_ID_HEADER) or task_id, task=task.name, task_id=task_id
    )
    published_at = headers.get(PUBLISHED_AT_HEADER)
    # A retry waits on purpose.
    if published_at is not None and not headers.get("retries"):
        queue = (headers.get("delivery_info") or {}).get("routing_key") or "unknown"
        WORKER_LAG.labels(queue).observe(max(0.0, time.time() - published_at))


def _end_task(**_: Any) -> None:
    structlog.contextvars.clear_contextvars()


def _start_worker(instance: Any, **_: Any) -> None:
    _ThisProcess.queues = tuple(sorted(instance.app.amqp.queues.consume_from))
    start_reporter(_worker_role())


def _start_pool_process(**_: Any) -> None:
    start_reporter(_worker_role())


def _worker_role() -> str:
    return "-".join(_ThisProcess.queues) or "worker"


def _leave_worker_heartbeat(**_: Any) -> None:
    """Leave a sign of life from the worker's event loop, so that one that hangs is noticed."""
    try:
        with _ThisProcess.lock:
            for queue in _ThisProcess.queues:
                leave_heartbeat(queue)
    except RedisError as error:
        log.warning("heartbeat failed", error=str(error))


def _withdraw_worker_heartbeat(**_: Any) -> None:
    """Take the sign of life away, for good: Celery's timer may go on for a moment."""
    try:
        with _ThisProcess.lock:
            queues, _ThisProcess.queues = _ThisProcess.queues, ()
            for queue in queues:
                withdraw_heartbeat(queue)
    except RedisError as error:
        log.warning("heartbeat failed", error=str(error))


def _start_beat(**_: Any) -> None:
    _ThisProcess.is_beat = True
    start_reporter("beat")


def _note_beat(**_: Any) -> None:
    """Leave beat's sign of life where it has sent something, at most once a second."""
    now = time.time()
    if not _ThisProcess.is_beat or now - _ThisProcess.last_heartbeat < 1:
        return
    _ThisProcess.last_heartbeat = now
    try:
        leave_heartbeat("beat", at=now)
    except RedisError as error:
        log.warning("heartbeat failed", error=str(error))
