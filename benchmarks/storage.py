"""Bytes a sample on disk, and what compaction costs, on data as machines and services send it.

`python -m benchmarks.storage` fills a PostgreSQL of its own with 20,000 series over six hours of
simulated time, compacting as beat would have it, and prints a Markdown table. 40 % of the
series are gauges (random walks with 1 to 4 decimals), 40 % counters that are reset now and
then, 20 % buckets of histograms.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from observability.embedded.servers import start_servers

INTERVAL_MS = 15_000
HOUR_MS = 3_600_000
# A midnight, so that six hours are one window of the top level.
START_MS = 20_000 * 86_400_000
SAMPLES_PER_WRITE = 5_000
BUCKETS = 10
JITTER_MS = 5


class Fleet:
    """Targets that all expose the same metrics: 40 gauges, 40 counters, 2 histograms' buckets a target."""

    def __init__(self, targets: int) -> None:
        self._rng = np.random.default_rng(3)
        self.targets = targets
        gauges = targets * 40
        self._decimals = np.repeat(np.arange(40) % 4 + 1, targets)
        self._gauge_steps = self._rng.uniform(0.5, 20, gauges) * 10.0**-self._decimals
        self._gauges = self._rng.uniform(10, 100, gauges)
        self._rates = self._rng.lognormal(3, 1.5, gauges)
        self._counters = np.zeros(gauges)
        shares = np.diff(np.linspace(0, 1, BUCKETS + 1) ** 0.3)
        self._bucket_rates = self._rng.lognormal(2.5, 1, targets * 2)[:, None] * shares
        self._buckets = np.zeros((targets * 2, BUCKETS))

    def series(self) -> list[dict[str, str]]:
        """Return the labels of all series, in the order of `values`."""
        labels = [
            {
                "__name__": f"{kind}_{number:02d}",
                "instance": f"host-{target:04d}:9100",
                "job": "node",
            }
            for kind in ("gauge", "counter")
            for number in range(40)
            for target in range(self.targets)
        ]
        labels += [
            {
                "__name__": f"latency_{number}_bucket",
                "instance": f"host-{target:04d}:9100",
                "job": "api",
                "le": str(2**bucket),
            }
            for number in range(2)
            for target in range(self.targets)
            for bucket in range(BUCKETS)
        ]
        return labels

    def target_of_series(self) -> NDArray[np.int64]:
        """Return for each series the target that exposes it."""
        targets = np.arange(self.targets)
        return np.concatenate([np.tile(targets, 80), np.tile(np.repeat(targets, BUCKETS), 2)])

    def values(self, count: int) -> NDArray[np.float64]:
        """Return the next so many values of every series: a row a series."""
        rng = self._rng
        walk = rng.normal(0, 1, (len(self._gauges), count)) * self._gauge_steps[:, None]
        gauges = self._gauges[:, None] + np.cumsum(walk, 1)
        self._gauges = gauges[:, -1]
        for decimals in range(1, 5):
            rows = self._decimals == decimals
            gauges[rows] = np.round(gauges[rows], decimals)
        counters = self._counters[:, None] + np.cumsum(
            rng.poisson(self._rates[:, None], (len(self._rates), count)), 1
        )
        # A process in fifty restarts within an hour.
        for row in np.flatnonzero(rng.random(len(counters)) < 0.02 * count / 240):
            at = int(rng.integers(0, count))
            counters[row, at:] -= counters[row, at]
        self._counters = counters[:, -1]
        observed = rng.poisson(self._bucket_rates[:, :, None], (*self._bucket_rates.shape, count))
        buckets = self._buckets[:, :, None] + np.cumsum(np.cumsum(observed, 1), 2)
        self._buckets = buckets[:, :, -1]
        return np.concatenate([gauges, counters, buckets.reshape(-1, count)])


@dataclass(slots=True)
class Cost:
    """What the measured steps took together: seconds of processors, the largest memory in bytes."""

    own_cpu: float = 0.0
    postgres_cpu: float = 0.0
    peak_bytes: int = 0
    seconds: float = 0.0


@contextmanager
def measured(cost: Cost, postgres_pid: int) -> Iterator[None]:
    """Add to `cost` what happens inside."""
    # Makes Linux count the peak anew.
    Path("/proc/self/clear_refs").write_text("5")
    own, server, began = time.process_time(), _cpu_of(postgres_pid), time.perf_counter()
    yield
    cost.seconds += time.perf_counter() - began
    cost.own_cpu += time.process_time() - own
    cost.postgres_cpu += _cpu_of(postgres_pid) - server
    status = Path("/proc/self/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    cost.peak_bytes = max(cost.peak_bytes, int(match[1]) * 1024 if match else 0)


def _cpu_of(postgres_pid: int) -> float:
    """Return the processor seconds of the server's process for our connection and its own."""
    root = psutil.Process(postgres_pid)
    return sum(
        sum(process.cpu_times()[:2]) for process in (root, *root.children()) if process.is_running()
    )


def timestamps(kind: str, fleet: Fleet, at_ms: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the time of each series' sample in one round; targets are spread over the interval."""
    targets = fleet.target_of_series()
    phases = np.arange(fleet.targets) * 7_919 % INTERVAL_MS
    match kind:
        case "regular":
            jitter = np.zeros(len(targets), np.int64)
        case "jitter a target":
            jitter = rng.integers(0, 2 * JITTER_MS + 1, fleet.targets)[targets]
        case _:
            jitter = rng.integers(0, 2 * JITTER_MS + 1, len(targets))
    return at_ms + phases[targets] + jitter


def run(kind: str, *, targets: int, hours: float) -> str:
    """Fill and compact a store; return a row of the table."""
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)

    from observability.metrics.store import catalogue, compaction, log  # noqa: PLC0415
    from observability.metrics.store.log import LogSamples  # noqa: PLC0415
    from observability.promql.labels import label_set  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE metrics_samplelog, metrics_segment")
    fleet, rng = Fleet(targets), np.random.default_rng(5)
    labels = [label_set(labels) for labels in fleet.series()]
    # A target's series become known together, as its scrapes come in.
    order = np.argsort(fleet.target_of_series(), kind="stable")
    ids = np.empty(len(labels), np.int64)
    for start in range(0, len(order), SAMPLES_PER_WRITE):
        part = order[start : start + SAMPLES_PER_WRITE]
        ids[part] = catalogue.series_ids([labels[place] for place in part])

    steps, merges = Cost(), Cost()
    server = _postmaster()
    rounds = int(hours * HOUR_MS / INTERVAL_MS)
    now_ms = START_MS
    for first in range(0, rounds, 240):
        values = fleet.values(min(240, rounds - first))
        for place in range(values.shape[1]):
            now_ms = START_MS + (first + place) * INTERVAL_MS
            times = timestamps(kind, fleet, now_ms, rng)
            for start in range(0, len(order), SAMPLES_PER_WRITE):
                part = order[start : start + SAMPLES_PER_WRITE]
                log.append(
                    LogSamples(
                        series_ids=ids[part],
                        timestamps_ms=times[part],
                        values=np.ascontiguousarray(values[part, place]),
                    ),
                    catalogue.epoch(),
                )
            # As beat has it: every 30 s and every minute.
            if place % 2:
                with measured(steps, server):
                    compaction.compact_log(now_ms=now_ms, seconds=600)
            if place % 4 == 3:
                with measured(merges, server):
                    compaction.merge_due(now_ms=now_ms, seconds=600)
    with measured(steps, server):
        compaction.compact_log(now_ms=now_ms, seconds=600)
    with measured(merges, server):
        compaction.merge_due(now_ms=START_MS + 48 * HOUR_MS, seconds=600)
    return _row(kind, rounds * len(labels), steps, merges)


def _row(kind: str, samples: int, steps: Cost, merges: Cost) -> str:
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)

    sizes = {}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE metrics_segment, metrics_samplelog")
        cursor.execute("SELECT sum(sample_count), count(*) FROM metrics_segment WHERE level = 3")
        kept, segments = cursor.fetchone()
        for name, tables in {
            "segments": "metrics_segment%%",
            "log": "metrics_samplelog",
            "catalogue": "metrics_(series|labelpair|metric)",
        }.items():
            cursor.execute(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND relname SIMILAR TO %s",
                [tables.replace("%%", "%")],
            )
            sizes[name] = int(cursor.fetchone()[0])
    if int(kept) != samples:
        raise SystemExit(f"{samples} samples were written, {kept} are there")
    cpu = [cost.own_cpu + cost.postgres_cpu for cost in (steps, merges)]
    per_million = sum(cpu) / samples * 1e6
    peak = max(steps.peak_bytes, merges.peak_bytes)
    return (
        f"| {kind} | {samples:,} | {segments:,} | **{sizes['segments'] / samples:.3f}** |"
        f" {sizes['log'] / 1e6:.1f} MB | {sizes['catalogue'] / 1e6:.1f} MB |"
        f" {cpu[0] / samples * 1e6:.2f} + {cpu[1] / samples * 1e6:.2f} |"
        f" {per_million * 0.05 * 100:.0f} % | {peak / 1e6:.0f} MB |"
    )


def merge_a_day(series: int) -> str:
    """Merge a day of one metric with very many series; return a sentence about it."""
    from observability.metrics.models import Metric  # noqa: PLC0415 (settings are ready only now)
    from observability.metrics.store import catalogue, compaction, segment_table  # noqa: PLC0415
    from observability.metrics.store.columns import SeriesColumns  # noqa: PLC0415
    from observability.metrics.store.segment_table import NewSegment, Window  # noqa: PLC0415
    from observability.promql.labels import label_set  # noqa: PLC0415

    labels = [label_set({"__name__": "day", "i": str(i)}) for i in range(series)]
    parts = [
        catalogue.series_ids(labels[start : start + SAMPLES_PER_WRITE])
        for start in range(0, series, SAMPLES_PER_WRITE)
    ]
    ids = np.sort(np.concatenate(parts))
    metric_id = Metric.objects.get(name="day").pk
    rng, count = np.random.default_rng(7), 480
    for start_ms in range(START_MS, START_MS + 24 * HOUR_MS, 2 * HOUR_MS):
        columns = SeriesColumns(
            series_ids=ids,
            offsets=np.arange(series + 1) * count,
            timestamps_ms=np.tile(start_ms + np.arange(count) * INTERVAL_MS, series),
            values=np.cumsum(rng.integers(0, 50, series * count)).astype(np.float64),
        )
        window = Window(start_ms, start_ms + 2 * HOUR_MS)
        new = NewSegment(metric_id=metric_id, level=2, window=window, columns=columns)
        segment_table.insert(iter([new]))
        del columns, new
    cost = Cost()
    with measured(cost, _postmaster()):
        compaction.merge_due(now_ms=START_MS + 48 * HOUR_MS, seconds=600)
    samples = series * count * 12
    return (
        f"A day of one metric with {series:,} series ({samples:,} samples) merged in {cost.seconds:.0f} s,"
        f" {samples / cost.seconds / 1e6:.1f} M samples/s, peak memory {cost.peak_bytes / 1e6:.0f} MB."
    )


def _postmaster() -> int:
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        parent = psutil.Process(cursor.fetchone()[0]).parent()
    if parent is None:
        raise SystemExit("PostgreSQL is not on this machine")
    return parent.pid


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=200, help="100 series each")
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument(
        "--timestamps",
        nargs="*",
        default=["regular", "jitter a target", "jitter a series"],
    )
    parser.add_argument("--day-series", type=int, default=20_000, help="0 leaves the day out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-benchmark-") as folder:
        servers = start_servers(Path(folder))
        try:
            os.environ |= {
                "DATA_DIR": folder,
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "DJANGO_SETTINGS_MODULE": "observability.settings",
            }
            for line in _report(arguments):
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
        finally:
            servers.stop()


def _report(arguments: argparse.Namespace) -> Iterator[str]:
    import django  # noqa: PLC0415 (settings are ready only now)
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    yield f"Load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.\n"
    yield (
        "| timestamps | samples | segments | bytes a sample | log | catalogue"
        " | CPU s a million (log + merges) | of a core at 50,000 samples/s | peak memory |"
    )
    yield "| --- " * 9 + "|"
    for kind in arguments.timestamps:
        yield run(kind, targets=arguments.targets, hours=arguments.hours)
    if arguments.day_series:
        yield "\n" + merge_a_day(arguments.day_series)
    yield f"\nLoad after: {os.getloadavg()[0]:.1f}."


if __name__ == "__main__":
    main()
