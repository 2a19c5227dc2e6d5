"""Where series come from: the metrics, labels and values that make most of them, and the newest.

Most of this reads the whole catalogue, which takes seconds where there are millions of series;
`store_report` has it done in the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store.series_table import SeriesTable, find_table

# Of more series than this, a part is counted and scaled up.
_MAX_COUNTED_SERIES = 3_000_000
# A metric with fewer is not what fills a store.
_LEAST_MULTIPLIED = 10


@dataclass(frozen=True, slots=True)
class Count:
    """A name with a number; a label pair is named `label=value`."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class LabelSize:
    """How many values a label has, and how many bytes name and value of all of them take."""

    name: str
    values: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplier:
    """The label that multiplies a metric's series most.

    Attributes:
        metric: The metric's name.
        label: The label's name.
        values: How many values it has on this metric.
        series: The metric's series.
        series_without: How many there would be without the label.
    """

    metric: str
    label: str
    values: int
    series: int
    series_without: int

    @property
    def factor(self) -> float:
        """Return how many series one would be without the label."""
        return self.series / self.series_without


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """How many series of a metric are new."""

    metric: str
    last_hour: int
    last_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cardinality:
    """The largest of everything that series are made of, each list largest first.

    Attributes:
        label_pairs: How many distinct pairs of label and value there are.
        series_by_metric: Series of each metric.
        values_by_label: Distinct values of each label.
        bytes_by_label: The texts of those values.
        series_by_pair: Series that have a label pair.
        multipliers: For the metrics with most series, the label that makes most of them.
        churn: New series by metric.
    """

    label_pairs: int
    series_by_metric: list[Count]
    values_by_label: list[Count]
    bytes_by_label: list[Count]
    series_by_pair: list[Count]
    multipliers: list[Multiplier]
    churn: list[Churn]


def measure_cardinality(*, top: int) -> Cardinality:
    """Return the `top` largest of everything."""
    metrics = series_by_metric(top)
    labels = label_sizes()
    return Cardinality(
        label_pairs=sum(label.values for label in labels),
        series_by_metric=metrics,
        values_by_label=largest([Count(label.name, label.values) for label in labels], top),
        bytes_by_label=largest([Count(label.name, label.bytes) for label in labels], top),
        series_by_pair=series_by_pair(top),
        multipliers=multipliers([count.name for count in metrics]),
        churn=churn(top),
    )


def series_by_metric(top: int) -> list[Count]:
    """Return the metrics with most series."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, series_count FROM metrics_metric WHERE series_count > 0"
            " ORDER BY series_count DESC, name LIMIT %s",
            [top],
        )
        return [Count(name, value) for name, value in cursor.fetchall()]


def series_by_pair(top: int) -> list[Count]:
    """Return the label pairs that most series have; of very many series a part is looked at."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(series_count), 0) FROM metrics_metric")
        (series,) = cursor.fetchone()
        share = min(1.0, _MAX_COUNTED_SERIES / max(int(series), 1))
        sample = "" if share == 1 else "TABLESAMPLE SYSTEM (%(percent)s)"
        cursor.execute(
            "SELECT label.name || '=' || label.value, counted.total"  # noqa: S608 (constants)
            " FROM (SELECT pair, count(*) AS total"
            f"   FROM metrics_series {sample}, unnest(pairs) AS pair"
            "   GROUP BY pair ORDER BY total DESC, pair LIMIT %(top)s) AS counted"
            " JOIN metrics_labelpair AS label ON label.id = counted.pair"
            " ORDER BY counted.total DESC, 1",
            {"percent": share * 100, "top": top},
        )
        return [Count(name, round(total / share)) for name, total in cursor.fetchall()]


def multipliers(metric_names: Sequence[str]) -> list[Multiplier]:
    """Return for each metric the label that multiplies its series most, if one does."""
    found = []
    for name in metric_names:
        table = find_table(name)
        if table is not None and len(table.ids) >= _LEAST_MULTIPLIED:
            found += _multiplier(table)
    return sorted(found, key=lambda multiplier: (-multiplier.factor, multiplier.metric))


def _multiplier(table: SeriesTable) -> list[Multiplier]:
    # A series is the sum of random numbers that stand for its values: without a label, the sum
    # without that label's number. Sums of 64 bits are as good as equal only for equal labels.
    numbers = np.random.default_rng(1)
    hashes = {
        name: numbers.integers(0, 2**64, len(column.values), np.uint64)[column.places]
        for name, column in table.columns.items()
    }
    whole = sum(hashes.values(), np.zeros(len(table.ids), np.uint64))
    best: Multiplier | None = None
    for name, hashed in hashes.items():
        without: NDArray[np.uint64] = whole - hashed
        multiplier = Multiplier(
            metric=table.name,
            label=name,
            values=len(table.columns[name].values) - 1,
            series=len(table.ids),
            series_without=len(np.unique(without)),
        )
        if best is None or multiplier.factor > best.factor:
            best = multiplier
    return [best] if best is not None and best.factor > 1 else []


def churn(top: int) -> list[Churn]:
    """Return the metrics that got most new series within a day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT metric.name, counted.last_hour, counted.last_day FROM ("
            "   SELECT metric_id, count(*) AS last_day,"
            "     count(*) FILTER (WHERE created_at >= now() - interval '1 hour') AS last_hour"
            "   FROM metrics_series WHERE created_at >= now() - interval '1 day'"
            "   GROUP BY metric_id ORDER BY last_day DESC LIMIT %s) AS counted"
            " JOIN metrics_metric AS metric ON metric.id = counted.metric_id"
            " ORDER BY counted.last_day DESC, metric.name",
            [top],
        )
        return [
            Churn(metric=name, last_hour=last_hour, last_day=last_day)
            for name, last_hour, last_day in cursor.fetchall()
        ]


def label_sizes() -> list[LabelSize]:
    """Return how large each label is; the metric's name is none of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, count(*), sum(octet_length(name) + octet_length(value))"
            " FROM metrics_labelpair GROUP BY name"
        )
        return [LabelSize(name, values, int(size)) for name, values, size in cursor.fetchall()]


def largest(counts: Sequence[Count], top: int) -> list[Count]:
    """Return the `top` largest, the largest first."""
    return sorted(counts, key=lambda count: (-count.value, count.name))[:top]
