"""The data that queries are measured on: written once into all systems, and kept in a folder."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks.ingest import send
from benchmarks.services import INTERVAL_MS, SERIES_A_TARGET, Services
from benchmarks.systems import System, has_victoria_metrics, portal, prometheus, victoria_metrics

_HOUR_MS = 3_600_000
_BODIES_AT_A_TIME = 40
_SETTLED_SECONDS = 900
# Before the hours that are asked about, so that the longest window sees no series begin: there
# Prometheus 2 extrapolates in another way than Prometheus 3.
_BEFORE_MS = _HOUR_MS + 15 * 60_000
# Prometheus takes data out of its head when the head holds more than one and a half blocks.
_HEAD_MS = 3 * _HOUR_MS
_LOG_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a folder holds: so many series from a time until another."""

    series: int
    start_ms: int
    end_ms: int

    @classmethod
    def until_now(cls, *, series: int, hours: float) -> Dataset:
        """Return what is to be written so that queries can ask about so many hours."""
        end_ms = int(time.time() * 1000) // INTERVAL_MS * INTERVAL_MS
        start_ms = end_ms - round(hours * _HOUR_MS) - _BEFORE_MS
        return cls(series=series, start_ms=start_ms, end_ms=end_ms)

    def bodies(self) -> Iterator[bytes]:
        """Yield it as remote write has it, the oldest first; the same each time."""
        rounds = (self.end_ms - self.start_ms) // INTERVAL_MS
        services = Services(self.series // SERIES_A_TARGET)
        return services.bodies(start_ms=self.start_ms, rounds=rounds)


@contextmanager
def running(folder: Path, *, series: int, hours: float) -> Iterator[tuple[list[System], Dataset]]:
    """Run Prometheus, the portal and perhaps VictoriaMetrics on a folder's data.

    The first time, the data are written until now. Settings of this process are then the portal's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "dataset.json"
    if manifest.exists():
        dataset = msgspec.json.decode(manifest.read_bytes(), type=Dataset)
    else:
        dataset = Dataset.until_now(series=series, hours=hours)
        manifest.write_bytes(msgspec.json.encode(asdict(dataset)))
    with ExitStack() as stack:
        its_prometheus = stack.enter_context(prometheus(folder / "prometheus"))
        its_portal = stack.enter_context(portal(folder / "portal", PROMQL_COMPAT="2"))
        systems = [its_prometheus, its_portal]
        if has_victoria_metrics():
            systems.append(stack.enter_context(victoria_metrics(folder / "victoria-metrics")))
        os.environ |= {
            "DATA_DIR": str(its_portal.data_dir),
            "DJANGO_SETTINGS_MODULE": "observability.settings",
        }
        _load([system for system in systems if not _mark(system).exists()], dataset)
        wait_until_compacted(its_prometheus, its_portal)
        yield systems, dataset


def _mark(system: System) -> Path:
    """Return the file that says that a system has all data."""
    return system.data_dir.parent / "loaded"


def _load(systems: list[System], dataset: Dataset) -> None:
    if not systems:
        return
    bodies = dataset.bodies()
    while some := list(islice(bodies, _BODIES_AT_A_TIME)):
        for system in systems:
            send(system.port, some)
    for system in systems:
        _mark(system).touch()


def wait_until_compacted(its_prometheus: System, its_portal: System) -> None:
    """Wait until neither has anything to compact and both are at rest."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    while not (_is_cut(its_prometheus) and _is_merged()):
        if time.monotonic() > deadline:
            raise SystemExit("the data are not compacted in time")
        time.sleep(1)
    its_prometheus.wait_until_idle()
    its_portal.wait_until_idle()


def _is_cut(system: System) -> bool:
    """Say whether Prometheus's head holds no more than it should."""
    client = HTTPConnection("127.0.0.1", system.port, timeout=30)
    client.request("GET", "/metrics")
    text = client.getresponse().read().decode()
    client.close()
    newest, oldest = (
        float(match[1])
        if (match := re.search(rf"^prometheus_tsdb_head_{name}_time (\S+)", text, re.MULTILINE))
        else 0.0
        for name in ("max", "min")
    )
    return newest - oldest <= _HEAD_MS


def _is_merged() -> bool:
    """Say whether all windows that are over are merged, and the log holds only what is new."""
    import django  # noqa: PLC0415 (settings are ready only now)

    django.setup()
    from observability.metrics.store.statistics import collect_statistics  # noqa: PLC0415

    statistics = collect_statistics(now_ms=int(time.time() * 1000))
    return statistics.merges_due == 0 and statistics.log_lag_seconds < _LOG_SECONDS
