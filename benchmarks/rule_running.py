"""Ten thousand rules in a running Prometheus and in a running portal, while samples come in.

The two run one after the other, so that neither takes time from the other, on the same series and
values. Each has ten minutes of samples behind it when it starts. What it uses without rules, while
the same samples come in, is measured first and taken off.
"""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection

import numpy as np
from numpy.typing import NDArray

from benchmarks.ingest import send
from benchmarks.rule_data import INTERVAL_SECONDS, Machines, rule_groups
from benchmarks.rule_rows import make_groups
from benchmarks.systems import System

_PAST_SECONDS = 600
_LOOK_SECONDS = 0.1
# The longest that anything may take that is waited for, besides intervals.
_PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be measured.

    Attributes:
        rules: How many there are.
        interval_seconds: Between two evaluations of each.
        seconds: How long each set is watched, whole intervals of it.
    """

    rules: int
    interval_seconds: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a system did with a set of rules.

    Attributes:
        system: Its name.
        rule_set: The name of the set.
        evaluations: Of rules.
        failed: Of them, without success.
        missed: Iterations of groups that did not happen.
        busy_seconds: What the evaluations took; of the portal without what is done for many at once.
        cpu_seconds: What it used.
        idle_cpu_seconds: What it uses in the same time without rules.
        active: Alerts that were pending or firing at the end.
        fired: Alerts that fired at the end and not at the beginning.
        lags: For each iteration that was seen to end the seconds since it was due.
    """

    system: str
    rule_set: str
    evaluations: int
    failed: int
    missed: int
    busy_seconds: float
    cpu_seconds: float
    idle_cpu_seconds: float
    active: int
    fired: int
    lags: NDArray[np.float64] = field(repr=False)

    @property
    def rules_a_second(self) -> float:
        """Evaluations for each second of evaluating, one after the other."""
        return self.evaluations / max(self.busy_seconds, 1e-9)

    @property
    def rules_a_cpu_second(self) -> float:
        """Evaluations for each CPU-second that the rules take."""
        return self.evaluations / max(self.cpu_seconds - self.idle_cpu_seconds, 0.01)

    @property
    def rules_a_cpu_second_in_all(self) -> float:
        """The same, with what is used without rules."""
        return self.evaluations / self.cpu_seconds


@contextmanager
def fed(system: System, machines: Machines) -> Iterator[None]:
    """Write the past into a system, and meanwhile a sample of every series each five seconds."""
    stopped = threading.Event()
    now = time.time() // INTERVAL_SECONDS * INTERVAL_SECONDS
    for at in np.arange(now - _PAST_SECONDS, now, INTERVAL_SECONDS):
        send(system.port, machines.bodies(int(at * 1000)))

    def feed() -> None:
        at = now
        while not stopped.wait(max(at - time.time(), 0)):
            send(system.port, machines.bodies(int(at * 1000)))
            at += INTERVAL_SECONDS

    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(feed)
        try:
            yield
        finally:
            stopped.set()
            # Tells of a body that was refused.
            feeding.result()


def watch_prometheus(system: System, plan: Plan, rule_sets: Sequence[str]) -> Iterator[Watched]:
    """Let Prometheus evaluate each set in turn."""
    idle = _cpu_in(system.cpu_seconds, plan.seconds)
    for rule_set in rule_sets:
        _load_into_prometheus(system, rule_set, plan)
        _wait(lambda: _counted(system)["evaluations"] >= plan.rules)
        time.sleep(plan.interval_seconds)
        fired_before, before = _fired(system), _counted(system)
        used = _cpu_in(system.cpu_seconds, plan.seconds)
        after = _counted(system)
        yield Watched(
            system=system.name,
            rule_set=rule_set,
            evaluations=int(after["evaluations"] - before["evaluations"]),
            failed=int(after["failures"] - before["failures"]),
            missed=int(after["missed"] - before["missed"]),
            busy_seconds=after["busy"] - before["busy"],
            cpu_seconds=used,
            idle_cpu_seconds=idle,
            active=len(_ask(system, "/api/v1/alerts")["alerts"]),
            fired=len(_fired(system) - fired_before),
            lags=np.array([]),
        )


def watch_portal(system: System, plan: Plan, rule_sets: Sequence[str]) -> Iterator[Watched]:
    """Let the portal evaluate each set in turn; settings of this process are the portal's."""
    from alerts.models import Alert, RuleGroup  # noqa: PLC0415 (settings are ready only now)

    cpu = _PortalCpu(system)
    idle = _cpu_in(cpu.seconds, plan.seconds)
    for rule_set in rule_sets:
        make_groups(
            rule_set,
            rules=plan.rules,
            interval_seconds=plan.interval_seconds,
            due_at=datetime.now(UTC),
        )
        _wait(lambda: not RuleGroup.objects.filter(evaluated_at=None).exists())
        time.sleep(plan.interval_seconds)
        look = _Looker()
        missed_before, cpu_before, began = look.missed(), cpu.seconds(), datetime.now(UTC)
        look.until(time.time() + plan.seconds)
        used = cpu.seconds() - cpu_before
        yield Watched(
            system=system.name,
            rule_set=rule_set,
            evaluations=look.evaluations,
            failed=look.failed(),
            missed=look.missed() - missed_before,
            busy_seconds=look.busy_seconds,
            cpu_seconds=used,
            idle_cpu_seconds=idle,
            active=Alert.objects.unresolved().count(),
            fired=Alert.objects.firing().filter(fired_at__gte=began).count(),
            lags=np.array(look.lags),
        )


class _Looker:
    """Looks at the rows of groups ten times a second and notes each iteration that has ended."""

    def __init__(self) -> None:
        from alerts.models import RuleGroup  # noqa: PLC0415 (settings are ready only now)

        self._groups = RuleGroup.objects
        self._newest = dict(self._groups.values_list("pk", "evaluated_at"))
        self._rules = len(self._newest) and self._count_rules() / len(self._newest)
        self.lags: list[float] = []
        self.busy_seconds = 0.0

    @property
    def evaluations(self) -> int:
        """How many rules were evaluated in the iterations that were seen."""
        return int(len(self.lags) * self._rules)

    def until(self, ends_at: float) -> None:
        """Look until a time."""
        while time.time() < ends_at:
            # Looked at before it is asked, hence no lag comes out too small by more than a moment.
            rows = list(self._groups.values_list("pk", "evaluated_at", "duration_ms"))
            now = datetime.now(UTC)
            for group_id, evaluated_at, duration_ms in rows:
                if evaluated_at is not None and evaluated_at != self._newest[group_id]:
                    self._newest[group_id] = evaluated_at
                    self.lags.append((now - evaluated_at).total_seconds())
                    self.busy_seconds += (duration_ms or 0.0) / 1000
            time.sleep(_LOOK_SECONDS)

    def missed(self) -> int:
        """Return how many iterations of all groups have ever been missed."""
        return sum(self._groups.values_list("missed_iterations", flat=True))

    def failed(self) -> int:
        """Return how many rules failed at their last evaluation."""
        from alerts.models import Rule, RuleHealth  # noqa: PLC0415 (settings are ready only now)

        return Rule.objects.filter(health=RuleHealth.ERROR).count()

    @staticmethod
    def _count_rules() -> int:
        from alerts.models import Rule  # noqa: PLC0415 (settings are ready only now)

        return Rule.objects.count()


class _PortalCpu:
    """What the timely worker and PostgreSQL have used, the connection that looks at them apart."""

    def __init__(self, system: System) -> None:
        self._system = system

    def seconds(self) -> float:
        """Return the CPU-seconds so far, processes that have ended included."""
        own = self._own_backend()
        return sum(
            sum(process.cpu_times()[:4])
            for program in ("timely", "postgres")
            for process in self._system.processes_of(program)
            if process.pid != own and process.is_running()
        )

    @staticmethod
    def _own_backend() -> int:
        from django.db import connection  # noqa: PLC0415 (settings are ready only now)

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid: int = cursor.fetchone()[0]
        return pid


def _cpu_in(cpu_seconds: Callable[[], float], seconds: float) -> float:
    before = cpu_seconds()
    time.sleep(seconds)
    return cpu_seconds() - before


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("the rules do not run in time")
        time.sleep(0.5)


def _load_into_prometheus(system: System, rule_set: str, plan: Plan) -> None:
    folder = system.data_dir.parent
    groups = [
        {
            "name": name,
            "interval": f"{plan.interval_seconds}s",
            "rules": [
                {
                    "alert": rule.name,
                    "expr": rule.expr,
                    "for": f"{rule.for_seconds}s",
                    "labels": dict(rule.labels),
                    "annotations": dict(rule.annotations),
                }
                for rule in rules
            ],
        }
        for name, rules in rule_groups(rule_set, plan.rules)
    ]
    # JSON is YAML too.
    (folder / "rules.yml").write_text(json.dumps({"groups": groups}))
    (folder / "prometheus.yml").write_text("rule_files: [rules.yml]\n")
    system.process.send_signal(signal.SIGHUP)
    _wait(lambda: _loaded_groups(system) == {group["name"] for group in groups})


def _loaded_groups(system: System) -> set[str]:
    return {group["name"] for group in _ask(system, "/api/v1/rules")["groups"]}


def _fired(system: System) -> set[str]:
    """Return what tells the firing alerts of Prometheus from others, and from earlier ones of their kind."""
    alerts = _ask(system, "/api/v1/alerts")["alerts"]
    return {
        json.dumps([alert["labels"], alert["activeAt"]], sort_keys=True)
        for alert in alerts
        if alert["state"] == "firing"
    }


def _counted(system: System) -> dict[str, float]:
    """Return what Prometheus has counted of the rules that it has."""
    text = _get(system, "/metrics").decode()
    return {
        name: sum(
            float(match[1])
            for match in re.finditer(rf"^prometheus_rule_{metric}(?:{{.*}})? (\S+)$", text, re.M)
        )
        for name, metric in {
            "evaluations": "evaluations_total",
            "failures": "evaluation_failures_total",
            "missed": "group_iterations_missed_total",
            "busy": "group_duration_seconds_sum",
        }.items()
    }


def _ask(system: System, path: str) -> dict[str, list[dict[str, str]]]:
    data: dict[str, list[dict[str, str]]] = json.loads(_get(system, path))["data"]
    return data


def _get(system: System, path: str) -> bytes:
    client = HTTPConnection("127.0.0.1", system.port, timeout=30)
    try:
        client.request("GET", path)
        return client.getresponse().read()
    finally:
        client.close()
