"""What lint asks for, from the portal's store."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from functools import cached_property

import numpy as np

from observability.metrics.backend import MetricsBackend
from observability.metrics.period import Period
from observability.metrics.samples import MetricType
from observability.promql import Limits, PromQLError, QueryOptions
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.values import Matrix

_HOUR_MS = 3_600_000
_WEEK_MS = 7 * 24 * _HOUR_MS
_DAY_MS = 24 * _HOUR_MS
_STEP_MS = 10 * 60_000
_VALUES_SHOWN = 5
_LIMITS = Limits(max_samples=5_000_000, timeout_seconds=5.0)


class StoredMetrics:
    """Answers from a backend, each asked once.

    Args:
        backend: Where the metrics are.
        now_ms: The present time.
        seconds: How long values are looked at in all; beyond that none have been seen.
    """

    def __init__(self, backend: MetricsBackend, *, now_ms: int, seconds: float = 20.0) -> None:
        self._backend = backend
        self._now_ms = now_ms
        self._period = Period(now_ms - _WEEK_MS, now_ms)
        self._types: dict[str, MetricType] = {}
        self._present: dict[tuple[Matcher, ...], bool] = {}
        self._extremes: dict[str, tuple[float, float] | None] = {}
        self._seconds_left = seconds

    def metric_names(self) -> Collection[str]:
        """Return the names of the metrics that had samples within a week."""
        return self._names

    def metric_type(self, name: str) -> MetricType:
        """Return what senders have said of a metric, of a histogram's series by its own name."""
        if name not in self._types:
            base = name
            for suffix in ("_bucket", "_count", "_sum"):
                base = base.removesuffix(suffix)
            known = self._backend.metadata([name, base])
            if name in known and known[name].type is not MetricType.UNKNOWN:
                self._types[name] = known[name].type
            elif base != name and base in known and known[base].type in _COUNTED:
                self._types[name] = MetricType.COUNTER
            else:
                self._types[name] = MetricType.UNKNOWN
        return self._types[name]

    def has_series(self, matchers: Sequence[Matcher]) -> bool:
        """Say whether a series with samples within a week satisfies all matchers."""
        key = tuple(matchers)
        if key not in self._present:
            found = self._backend.series([key], period=self._period, limit=1)
            self._present[key] = next(iter(found), None) is not None
        return self._present[key]

    def label_names(self, metric: str) -> Sequence[str]:
        """Return the labels of a metric's series, sorted, without its name."""
        names = self._backend.label_names([[_named(metric)]], period=self._period)
        return [name for name in names if name != METRIC_NAME]

    def label_values(self, metric: str, label: str) -> Sequence[str]:
        """Return the first of the values that a label has on a metric's series."""
        selectors = [[_named(metric)]]
        return self._backend.label_values(
            label, selectors, period=self._period, limit=_VALUES_SHOWN
        )

    def extremes(self, expr: str) -> tuple[float, float] | None:
        """Return the least and the greatest value of an expression at steps of the last day."""
        if expr not in self._extremes:
            self._extremes[expr] = self._look(expr) if self._seconds_left > 0 else None
        return self._extremes[expr]

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self._backend.label_values(METRIC_NAME, period=self._period))

    def _look(self, expr: str) -> tuple[float, float] | None:
        started = time.monotonic()
        try:
            result = self._backend.query_range(
                expr,
                start_ms=self._now_ms - _DAY_MS,
                end_ms=self._now_ms,
                step_ms=_STEP_MS,
                options=QueryOptions(limits=_LIMITS),
            )
        except PromQLError:
            return None
        finally:
            self._seconds_left -= time.monotonic() - started
        if not isinstance(result.value, Matrix):
            return None
        values = result.value.values[np.isfinite(result.value.values)]
        return (float(values.min()), float(values.max())) if len(values) else None


_COUNTED = (MetricType.HISTOGRAM, MetricType.SUMMARY)


def _named(metric: str) -> Matcher:
    return Matcher(METRIC_NAME, MatchOp.EQUAL, metric)
