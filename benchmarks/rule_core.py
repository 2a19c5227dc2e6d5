"""The evaluation of rules alone: one process, one PostgreSQL, one group after the other.

Ten minutes of samples lie behind; then, round by round, the interval's samples are written, the
clock moves on by an interval, and all groups are evaluated. Only the last step is measured.
"""

from __future__ import annotations

import io
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from benchmarks.rule_data import INTERVAL_SECONDS, Machines
from benchmarks.rule_rows import Feed, make_groups
from benchmarks.systems import PROJECT_DIR

_PAST_SECONDS = 600
_COMPACTION_SECONDS = 30
_LONGEST_SECONDS = 3600.0
_ROUNDS, _COLD_ROUNDS = 7, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One evaluation of all rules.

    Attributes:
        rules: How many were evaluated.
        failed: How many of them without success.
        active: Alerts that are pending or firing afterwards.
        seconds: How long it took.
        own_cpu: CPU-seconds of this process.
        postgres_cpu: CPU-seconds of all processes of PostgreSQL.
    """

    rules: int
    failed: int
    active: int
    seconds: float
    own_cpu: float
    postgres_cpu: float

    @property
    def rules_a_cpu_second(self) -> float:
        """Evaluations for each CPU-second of both."""
        return self.rules / (self.own_cpu + self.postgres_cpu)

    def __str__(self) -> str:
        return (
            f"{self.rules:,} rules ({self.failed} failed, {self.active} alerts active) in {self.seconds:.2f} s:"
            f" {self.rules / self.seconds:,.0f} rules/s; CPU {self.own_cpu:.2f} s + PostgreSQL"
            f" {self.postgres_cpu:.2f} s: {self.rules_a_cpu_second:,.0f} evaluations a CPU-second"
        )


@contextmanager
def own_servers() -> Iterator[None]:
    """Run a PostgreSQL and a Redis with an empty portal in them, for this process alone."""
    from observability.embedded.servers import start_servers  # noqa: PLC0415 (not needed elsewhere)

    with tempfile.TemporaryDirectory(prefix="portal-benchmark-") as folder:
        servers = start_servers(Path(folder))
        try:
            os.environ |= {
                "DATA_DIR": folder,
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "DJANGO_SETTINGS_MODULE": "observability.settings",
            }
            import django  # noqa: PLC0415 (settings are ready only now)
            from django.core.management import call_command  # noqa: PLC0415

            django.setup()
            call_command("prepare", stdout=io.StringIO())
            yield
        finally:
            servers.stop()


class Core:
    """A portal of its own with ten minutes of samples, and a clock that ends at the present.

    Args:
        iterations: How many there will be, of all sets together.
        interval_seconds: Between two of them.
    """

    def __init__(self, *, iterations: int, interval_seconds: int) -> None:
        from django.utils import timezone  # noqa: PLC0415 (settings are ready only now)

        self._interval_seconds = interval_seconds
        self._feed = Feed(Machines())
        self._now = timezone.now() - timedelta(
            seconds=_PAST_SECONDS + iterations * interval_seconds
        )
        self._write(seconds=_PAST_SECONDS)

    def rounds(self, rule_set: str, *, rules: int, count: int) -> Iterator[Round]:
        """Evaluate the rules of a set so many times; the first time everything is cold."""
        make_groups(
            rule_set, rules=rules, interval_seconds=self._interval_seconds, due_at=self._now
        )
        for _ in range(count):
            yield _round(self._now)
            self._write(seconds=self._interval_seconds)

    def _write(self, *, seconds: int) -> None:
        """Write so many seconds of samples, compacted as beat would have it."""
        from observability.metrics.store import compaction  # noqa: PLC0415 (settings are ready only now)

        for _ in range(0, seconds, INTERVAL_SECONDS):
            self._now += timedelta(seconds=INTERVAL_SECONDS)
            at_ms = int(self._now.timestamp() * 1000)
            self._feed.write(at_ms)
            if at_ms // 1000 % _COMPACTION_SECONDS < INTERVAL_SECONDS:
                compaction.compact_log(now_ms=at_ms, seconds=600)


def seconds_for_one(rule_set: str, *, rules: int, interval_seconds: int) -> float:
    """Return the seconds that a rule takes in a warm process of its own, the median of some rounds."""
    command = [sys.executable, "-m", "benchmarks.rules", "--core", f"--sets={rule_set}"]
    command += [f"--rules={rules}", f"--interval={interval_seconds}", f"--rounds={_ROUNDS}"]
    # A portal whose settings this process may have is none of its business.
    environment = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(
        command, cwd=PROJECT_DIR, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            # Not killed, for it ends its servers.
            process.terminate()
            raise
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    rates = [float(one.replace(",", "")) for one in re.findall(r"([\d,]+) rules/s", output)]
    return 1 / statistics.median(rates[_COLD_ROUNDS:])


def _round(now: datetime) -> Round:
    from alerts.models import Alert  # noqa: PLC0415 (settings are ready only now)
    from alerts.rules.evaluation import evaluate_due_groups  # noqa: PLC0415
    from observability.metrics.backend import get_backend  # noqa: PLC0415

    postgres = _postmaster()
    own, its, began = time.process_time(), _cpu_of(postgres), time.perf_counter()
    outcomes = evaluate_due_groups(
        backend=get_backend(), clock=lambda: now, budget_seconds=_LONGEST_SECONDS
    )
    return Round(
        rules=len(outcomes),
        failed=sum(1 for outcome in outcomes if outcome.error),
        seconds=time.perf_counter() - began,
        own_cpu=time.process_time() - own,
        postgres_cpu=_cpu_of(postgres) - its,
        active=Alert.objects.unresolved().count(),
    )


def _postmaster() -> psutil.Process:
    from django.db import connection  # noqa: PLC0415 (settings are ready only now)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        parent = psutil.Process(cursor.fetchone()[0]).parent()
    if parent is None:
        raise SystemExit("PostgreSQL is not on this machine")
    return parent


def _cpu_of(postmaster: psutil.Process) -> float:
    """Return the CPU-seconds of all processes of PostgreSQL, those that have ended included."""
    return sum(postmaster.cpu_times()[:4]) + sum(
        sum(process.cpu_times()[:2]) for process in postmaster.children() if process.is_running()
    )
