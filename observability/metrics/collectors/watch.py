"""The loop outside of Celery that looks after this node: collectors, heartbeats, own metrics."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.conf import settings

from observability.metrics.collectors.backlog import Backlog
from observability.metrics.collectors.collection import Collection
from observability.metrics.collectors.host import HostCollector
from observability.metrics.collectors.own import collect_own
from observability.metrics.collectors.registry import (
    Collector,
    register_collector,
    registered_collectors,
)
from observability.metrics.collectors.rounds import Duty, Rounds
from observability.metrics.collectors.stop_signal import StopSignal
from observability.metrics.collectors.store import measure_store
from observability.telemetry.heartbeats import leave_heartbeat, withdraw_heartbeat
from observability.telemetry.outside_view import measure_celery, measure_disk, measure_health
from observability.telemetry.process import start_reporter
from observability.telemetry.registry import merge_dead_processes

_HEARTBEAT_SECONDS = 5.0
_MERGE_SECONDS = 15.0
_STORE_SECONDS = 60.0

log = structlog.get_logger(__name__)


def register_base_collectors() -> None:
    """Register the collectors of every node: the host and the portal itself."""
    interval = float(settings.HOST_COLLECTOR_INTERVAL_SECONDS)
    register_collector(Collector(job="node", interval_seconds=interval, collect=HostCollector()))
    register_collector(Collector(job="portal", interval_seconds=interval, collect=collect_own))


def watch(stop: StopSignal) -> None:
    """Collect and look after this node until asked to stop; outages of the database delay only."""
    start_reporter("watch")
    merge_dead_processes()
    backlog = Backlog()
    rounds = Rounds(_duties(backlog), now=time.time())
    log.info("watch started", jobs=[collector.job for collector in registered_collectors()])
    while not stop.wait(rounds.next_due() - time.time()):
        rounds.run_due(time.time)
    backlog.flush()
    withdraw_heartbeat("watch")
    log.info("watch stopped", batches_lost=len(backlog))


def _duties(backlog: Backlog) -> list[Duty]:
    return [
        Duty(
            name="heartbeat",
            interval_seconds=_HEARTBEAT_SECONDS,
            act=lambda _: leave_heartbeat("watch"),
        ),
        Duty(name="merge", interval_seconds=_MERGE_SECONDS, act=lambda _: merge_dead_processes()),
        *(_measuring(measure) for measure in (measure_disk, measure_celery, measure_health)),
        Duty(name="measure_store", interval_seconds=_STORE_SECONDS, act=lambda _: measure_store()),
        *(_collecting(collector, backlog) for collector in registered_collectors()),
        Duty(name="store", interval_seconds=_HEARTBEAT_SECONDS, act=lambda _: backlog.flush()),
    ]


def _collecting(collector: Collector, backlog: Backlog) -> Duty:
    collection = Collection(collector, instance=settings.NODE_NAME)
    return Duty(
        name=f"collect {collector.job}",
        interval_seconds=collector.interval_seconds,
        act=lambda at: backlog.add(collection.run(round(at * 1000))),
    )


def _measuring(measure: Callable[[], None]) -> Duty:
    return Duty(
        name=measure.__name__,
        interval_seconds=float(settings.HOST_COLLECTOR_INTERVAL_SECONDS),
        act=lambda _: measure(),
    )
