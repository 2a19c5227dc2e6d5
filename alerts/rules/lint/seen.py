"""What has been recorded, as lint asks for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from observability.metrics.samples import MetricType
from observability.promql.matchers import Matcher


class Seen(Protocol):
    """The metrics of the last days."""

    def metric_names(self) -> Collection[str]:
        """Return the names of all metrics."""
        ...

    def metric_type(self, name: str) -> MetricType:
        """Return what is known about the values of a metric."""
        ...

    def has_series(self, matchers: Sequence[Matcher]) -> bool:
        """Say whether a series satisfies all matchers."""
        ...

    def label_names(self, metric: str) -> Sequence[str]:
        """Return the labels of a metric's series, sorted, without its name."""
        ...

    def label_values(self, metric: str, label: str) -> Sequence[str]:
        """Return some of the values that a label has on a metric's series, sorted."""
        ...

    def extremes(self, expr: str) -> tuple[float, float] | None:
        """Return the least and the greatest value of an expression over the last day.

        None where there was none, where it cannot be evaluated, and when lint has used up its time.
        """
        ...


class NothingSeen:
    """Stands in where no store is at hand; only checks that need none are asked then."""

    def metric_names(self) -> Collection[str]:
        """Return none."""
        return ()

    def metric_type(self, name: str) -> MetricType:
        """Return that nothing is known."""
        return MetricType.UNKNOWN

    def has_series(self, matchers: Sequence[Matcher]) -> bool:
        """Return False."""
        return False

    def label_names(self, metric: str) -> Sequence[str]:
        """Return none."""
        return ()

    def label_values(self, metric: str, label: str) -> Sequence[str]:
        """Return none."""
        return ()

    def extremes(self, expr: str) -> tuple[float, float] | None:
        """Return None."""
        return None
