"""The task that shows that beat, the queue `timely` and its workers hang together."""

from celery import shared_task

from observability.telemetry.heartbeats import leave_heartbeat


@shared_task(ignore_result=True, soft_time_limit=5, time_limit=10)
def beat_heartbeat() -> None:
    """Record that a tick of beat has reached a worker."""
    leave_heartbeat("ticks")
