"""What the benchmark of rules has: a hundred machines, their series, and the rules that watch them.

The value of every series is a function of the time alone, so all systems are fed the same. Gauges
and the rates of counters go up and down in waves of 20 to 60 minutes; of the thresholds a third
lies below the tops of the waves, so that about one rule in thirty has an active alert, and alerts
fire and clear all the time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.live import Template

MACHINES = 100
JOBS = ("api", "web", "worker", "search", "billing")
INTERVAL_SECONDS = 5
RULES_A_GROUP = 100
_HANDLERS = ("/", "/login", "/pay")
_BODY_SERIES = 500
_START = 1_700_000_000.0
"""Counters began then."""

_Kind: TypeAlias = tuple[str, dict[str, str]]
"""A metric, and the labels that its series has besides those of its machine."""

_GAUGES: tuple[_Kind, ...] = (
    ("cpu_usage_percent", {}),
    ("memory_usage_percent", {}),
    ("disk_usage_percent", {"mountpoint": "/"}),
    ("disk_usage_percent", {"mountpoint": "/data"}),
    ("queue_length", {"queue": "mail"}),
    ("queue_length", {"queue": "jobs"}),
    ("temperature_celsius", {}),
    ("open_connections", {}),
)
_STEADY: tuple[_Kind, ...] = tuple(
    ("http_requests_total", {"handler": handler}) for handler in _HANDLERS
)
_WAVES: tuple[_Kind, ...] = (
    *(
        ("http_errors_total", {"handler": handler, "code": code})
        for handler, code in product(_HANDLERS, ("500", "503"))
    ),
    ("network_receive_bytes_total", {"device": "eth0"}),
    ("network_receive_bytes_total", {"device": "eth1"}),
)
_BUSY: tuple[_Kind, ...] = (("cpu_seconds_total", {}),)
SERIES_A_MACHINE = len(_GAUGES) + len(_STEADY) + len(_WAVES) + len(_BUSY)
_ERRORS_A_SECOND, _BYTES_A_SECOND, _REQUESTS_A_SECOND = 5.0, 100_000.0, 50.0


class Machines:
    """The series of all machines, 2,000 of them."""

    def __init__(self) -> None:
        self._machines = [_Machine(number) for number in range(MACHINES)]
        parts = [machine.series() for machine in self._machines]
        self.labels = [one.labels for part in parts for one in part]
        series = [one for part in parts for one in part]
        self._base = np.array([one.base for one in series])
        self._swing = np.array([one.swing for one in series])
        self._period = np.array([one.period for one in series])
        self._phase = np.array([one.phase for one in series])
        self._is_counter = np.array([one.is_counter for one in series])
        self._templates = [
            (
                slice(first, first + _BODY_SERIES),
                Template(self.labels[first : first + _BODY_SERIES]),
            )
            for first in range(0, len(self.labels), _BODY_SERIES)
        ]

    def values(self, at_ms: int) -> NDArray[np.float64]:
        """Return the value of each series at a time."""
        seconds = at_ms / 1000 - _START
        turn = 2 * np.pi * (seconds / self._period + self._phase)
        gauges = np.round(self._base * (1 + self._swing * np.sin(turn)), 2)
        gone_by = self._swing * self._period / (2 * np.pi) * np.cos(turn)
        counters = np.floor(self._base * (seconds - gone_by))
        values: NDArray[np.float64] = np.where(self._is_counter, counters, gauges)
        return values

    def bodies(self, at_ms: int) -> Iterator[bytes]:
        """Yield remote-write bodies with a sample of every series at a time."""
        values = self.values(at_ms)
        for part, template in self._templates:
            yield template.body(at_ms, values[part])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """A wave around `base`, up and down by `swing` of it: of the value, or of a counter's growth."""

    labels: dict[str, str]
    base: float
    swing: float = 0.9
    period: float
    phase: float
    is_counter: bool


class _Machine:
    def __init__(self, number: int) -> None:
        self._random = random.Random(number)  # noqa: S311 (nothing secret)
        self._common = {
            "instance": f"host-{number:04d}:9100",
            "job": JOBS[number % len(JOBS)],
            "zone": f"eu-{number % 3}",
        }

    def series(self) -> list[_Series]:
        errors = self._wave()
        return [
            *(self._one(of, 50.0, self._wave(), is_counter=False) for of in _GAUGES),
            *(self._one(of, _REQUESTS_A_SECOND, self._wave(), swing=0.0) for of in _STEADY),
            # In step, so that their sums are waves too.
            *(self._one(of, _ERRORS_A_SECOND, errors) for of in _WAVES[:-2]),
            *(self._one(of, _BYTES_A_SECOND, self._wave()) for of in _WAVES[-2:]),
            *(self._one(of, 1.0, self._wave()) for of in _BUSY),
        ]

    def _wave(self) -> tuple[float, float]:
        return self._random.uniform(1200, 3600), self._random.random()

    def _one(
        self,
        kind: _Kind,
        base: float,
        wave: tuple[float, float],
        *,
        swing: float = 0.9,
        is_counter: bool = True,
    ) -> _Series:
        name, labels = kind
        return _Series(
            labels={"__name__": name, **labels, **self._common},
            base=base,
            swing=swing,
            period=wave[0],
            phase=wave[1],
            is_counter=is_counter,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRule:
    """An alerting rule, as all systems get it."""

    name: str
    expr: str
    for_seconds: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def threshold_rules(machine: int) -> Iterator[BenchmarkRule]:
    """Yield a hundred rules that compare one gauge of a machine with a threshold."""
    rng = random.Random(machine)  # noqa: S311 (nothing secret)
    for number in range(RULES_A_GROUP):
        yield _rule(number, _threshold(rng, machine, number), rng)


def mixed_rules(machine: int) -> Iterator[BenchmarkRule]:
    """Yield a hundred rules: 40 thresholds, 20 rates, 10 each of four kinds of aggregations."""
    rng = random.Random(machine)  # noqa: S311 (nothing secret)
    kinds = [_threshold] * 4 + [_rate] * 2 + [_sum_by, _ratio, _avg_by, _highest]
    for number in range(RULES_A_GROUP):
        kind = kinds[number % len(kinds)]
        yield _rule(number, kind(rng, machine, number // len(kinds) * 4 + number), rng)


RULE_SETS: Mapping[str, Callable[[int], Iterator[BenchmarkRule]]] = {
    "threshold": threshold_rules,
    "mixed": mixed_rules,
}


def rule_groups(rule_set: str, rules: int) -> Iterator[tuple[str, list[BenchmarkRule]]]:
    """Yield groups of a hundred rules by name, each about one machine, until there are so many rules."""
    for number in range(rules // RULES_A_GROUP):
        group = list(RULE_SETS[rule_set](number % MACHINES))
        yield f"{rule_set} {number:04d}", group


def _rule(number: int, expr: str, rng: random.Random) -> BenchmarkRule:
    return BenchmarkRule(
        name=f"Rule{number:03d}",
        expr=expr,
        for_seconds=rng.choice([0, 30]),
        labels={"severity": rng.choice(["info", "warning", "error", "critical"])},
        annotations={"summary": "{{ $labels.instance }} is at {{ $value | humanize }}"},
    )


def _top(rng: random.Random) -> float:
    """Return a threshold as a multiple of the middle of a wave, whose top is at 1.9."""
    return rng.uniform(1.78, 2.14)


def _gauge(machine: int, number: int) -> str:
    name, labels = _GAUGES[number % len(_GAUGES)]
    matchers = {**labels, "instance": f"host-{machine:04d}:9100"}
    listed = ",".join(f'{label}="{value}"' for label, value in matchers.items())
    return f"{name}{{{listed}}}"


def _threshold(rng: random.Random, machine: int, number: int) -> str:
    return f"{_gauge(machine, number)} > {50 * _top(rng):.1f}"


def _rate(rng: random.Random, machine: int, number: int) -> str:
    handler, code = _HANDLERS[number % 3], ("500", "503")[number % 2]
    matchers = f'instance="host-{machine:04d}:9100",handler="{handler}",code="{code}"'
    return f"rate(http_errors_total{{{matchers}}}[1m]) > {_ERRORS_A_SECOND * _top(rng):.2f}"


def _sum_by(rng: random.Random, machine: int, number: int) -> str:
    errors = f'rate(http_errors_total{{instance="host-{machine:04d}:9100"}}[1m])'
    return f"sum by (instance, handler) ({errors}) > {2 * _ERRORS_A_SECOND * _top(rng):.2f}"


def _ratio(rng: random.Random, machine: int, number: int) -> str:
    errors, requests = (
        f'sum by (instance) (rate({name}{{instance="host-{machine:04d}:9100"}}[1m]))'
        for name in ("http_errors_total", "http_requests_total")
    )
    middle = 6 * _ERRORS_A_SECOND / (3 * _REQUESTS_A_SECOND)
    return f"{errors} / {requests} > {middle * _top(rng):.4f}"


def _avg_by(rng: random.Random, machine: int, number: int) -> str:
    job = JOBS[machine % len(JOBS)]
    return f'avg by (zone) (queue_length{{job="{job}"}}) > {rng.uniform(62, 80):.1f}'


def _highest(rng: random.Random, machine: int, number: int) -> str:
    return f"max_over_time({_gauge(machine, number)}[1m]) > {50 * _top(rng):.1f}"
