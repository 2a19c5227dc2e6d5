"""The collectors that `watch` runs; upper layers add theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from observability.metrics.collectors.families import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Something that yields metrics when it is called.

    Attributes:
        job: The label `job` of its series.
        interval_seconds: How often it is called, on multiples of the interval.
        collect: Returns all of its families, within a fraction of the interval.
    """

    job: str
    interval_seconds: float
    collect: Callable[[], Sequence[Family]]


_collectors: dict[str, Collector] = {}


def register_collector(collector: Collector) -> None:
    """Have `watch` run a collector; one for each job."""
    _collectors[collector.job] = collector


def registered_collectors() -> list[Collector]:
    """Return the collectors in the order in which they came."""
    return list(_collectors.values())
