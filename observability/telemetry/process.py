"""What each process says about itself: its CPU time, memory, files, threads and garbage collector.

prometheus_client has no `process_*` metrics in multiprocess mode, since its collector would speak
of the process that is scraped only. So every process keeps its own figures current; counters
add up over processes that have ended, gauges over those of a role that run.
"""

from __future__ import annotations

import gc
import os
import resource
import threading
from collections.abc import Callable

import psutil
import structlog
from prometheus_client import Counter, Gauge

from observability.telemetry.instruments import PORTAL_INFO
from observability.telemetry.version import VERSION

REPORT_SECONDS = 5.0

# Outside of the client's registry, where its own collectors have these names for one process.
CPU_SECONDS = Counter(
    "process_cpu_seconds_total",
    "Total user and system CPU time spent in seconds.",
    ["process"],
    registry=None,
)
RESIDENT_BYTES = Gauge(
    "process_resident_memory_bytes",
    "Resident memory size in bytes.",
    ["process"],
    multiprocess_mode="livesum",
    registry=None,
)
VIRTUAL_BYTES = Gauge(
    "process_virtual_memory_bytes",
    "Virtual memory size in bytes.",
    ["process"],
    multiprocess_mode="livesum",
    registry=None,
)
OPEN_FDS = Gauge(
    "process_open_fds",
    "Number of open file descriptors.",
    ["process"],
    multiprocess_mode="livesum",
    registry=None,
)
MAX_FDS = Gauge(
    "process_max_fds",
    "Maximum number of open file descriptors.",
    ["process"],
    multiprocess_mode="livesum",
    registry=None,
)
START_TIME = Gauge(
    "process_start_time_seconds",
    "Start time of the oldest process since unix epoch in seconds.",
    ["process"],
    multiprocess_mode="livemin",
    registry=None,
)
THREADS = Gauge(
    "process_threads",
    "Number of OS threads.",
    ["process"],
    multiprocess_mode="livesum",
    registry=None,
)
PROCESSES = Gauge(
    "portal_processes",
    "Running processes of a role.",
    ["process"],
    multiprocess_mode="livesum",
    registry=None,
)
GC_COLLECTIONS = Counter(
    "python_gc_collections_total",
    "Number of times this generation was collected.",
    ["process", "generation"],
    registry=None,
)
GC_COLLECTED = Counter(
    "python_gc_objects_collected_total",
    "Objects collected during gc.",
    ["process", "generation"],
    registry=None,
)
GC_UNCOLLECTABLE = Counter(
    "python_gc_objects_uncollectable_total",
    "Uncollectable objects found during GC.",
    ["process", "generation"],
    registry=None,
)

log = structlog.get_logger(__name__)


class ProcessFigures:
    """The figures of this process; counters move by what was added since the last report."""

    def __init__(self, role: str) -> None:
        self._process = psutil.Process()
        self._counted: dict[Counter, float] = {}
        self._cpu = CPU_SECONDS.labels(role)
        self._resident = RESIDENT_BYTES.labels(role)
        self._virtual = VIRTUAL_BYTES.labels(role)
        self._open_fds = OPEN_FDS.labels(role)
        self._max_fds = MAX_FDS.labels(role)
        self._threads = THREADS.labels(role)
        self._generations = [
            (
                GC_COLLECTIONS.labels(role, str(generation)),
                GC_COLLECTED.labels(role, str(generation)),
                GC_UNCOLLECTABLE.labels(role, str(generation)),
            )
            for generation in range(len(gc.get_stats()))
        ]
        START_TIME.labels(role).set(self._process.create_time())
        PROCESSES.labels(role).set(1)
        PORTAL_INFO.labels(VERSION).set(1)

    def report(self) -> None:
        """Bring all figures up to date."""
        times = self._process.cpu_times()
        memory = self._process.memory_info()
        self._count(self._cpu, times.user + times.system)
        self._resident.set(memory.rss)
        self._virtual.set(memory.vms)
        self._open_fds.set(self._process.num_fds())
        self._max_fds.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self._threads.set(self._process.num_threads())
        for counters, stats in zip(self._generations, gc.get_stats(), strict=True):
            collections, collected, uncollectable = counters
            self._count(collections, stats["collections"])
            self._count(collected, stats["collected"])
            self._count(uncollectable, stats["uncollectable"])

    def _count(self, counter: Counter, total: float) -> None:
        counter.inc(max(0.0, total - self._counted.get(counter, 0.0)))
        self._counted[counter] = total


class _Reporter(threading.Thread):
    """Reports on time, and carries signs of life that others ask it to leave."""

    def __init__(self, figures: ProcessFigures) -> None:
        super().__init__(name="process-reporter", daemon=True)
        self.duties: list[Callable[[], None]] = [figures.report]
        self._wake = threading.Event()

    def run(self) -> None:
        while True:
            for duty in tuple(self.duties):
                try:
                    duty()
                except Exception as error:  # noqa: BLE001 (the next report may well succeed)
                    log.warning("process report failed", error=str(error))
            self._wake.wait(REPORT_SECONDS)


_reporters: dict[int, _Reporter] = {}


def start_reporter(role: str, *duties: Callable[[], None]) -> None:
    """Keep this process's own figures current until it ends; once for each process.

    A forked process has no reporter until it starts its own.

    Args:
        role: What the process does (web, timely, beat, ...): the label `process`.
        duties: What else to do every few seconds; what it raises is logged.
    """
    if os.getpid() in _reporters:
        return
    _reporters.clear()
    figures = ProcessFigures(role)
    figures.report()
    reporter = _Reporter(figures)
    reporter.duties.extend(duties)
    _reporters[os.getpid()] = reporter
    reporter.start()
