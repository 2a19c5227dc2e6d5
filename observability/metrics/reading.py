"""Raw samples of one metric, page by page, for clients that want the samples themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from observability.metrics.models import Metric
from observability.metrics.samples import MetricType
from observability.metrics.store.selection import find_series
from observability.metrics.store.storage import read_samples
from observability.promql.labels import METRIC_NAME, drop_metric_name
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.staleness import is_stale


@dataclass(frozen=True, slots=True)
class SeriesSamples:
    """One series, its labels without the metric's name, its samples as (ms, value), oldest first."""

    labels: dict[str, str]
    samples: list[tuple[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPage:
    """Some series of a metric; `next_after_id` leads to the rest, None when there is none."""

    type: MetricType
    series: list[SeriesSamples]
    next_after_id: int | None


def read_metric(
    *,
    name: str,
    labels: Mapping[str, str],
    start_ms: int,
    end_ms: int,
    after_id: int,
    page_size: int,
) -> MetricPage:
    """Return samples within the range, both ends included, of the series that carry `labels`.

    A metric that does not exist has no series; that is not an error. Stale markers are left out.
    """
    matchers = [Matcher(METRIC_NAME, MatchOp.EQUAL, name)]
    matchers += [Matcher(label, MatchOp.EQUAL, value) for label, value in labels.items()]
    found = find_series(matchers, after_id=after_id, limit=page_size + 1)
    page = found[:page_size]
    samples = read_samples([series.id for series in page], start_ms, end_ms)
    is_live = ~is_stale(samples.values)
    places, times, values = (
        samples.series_ids[is_live],
        samples.timestamps_ms[is_live],
        samples.values[is_live],
    )
    offsets = np.searchsorted(places, np.arange(len(page) + 1))
    metric = Metric.objects.filter(name=name).first() if page else None
    return MetricPage(
        type=MetricType(metric.type) if metric else MetricType.UNKNOWN,
        series=[
            SeriesSamples(
                labels=dict(drop_metric_name(series.labels)),
                samples=list(
                    zip(
                        times[offsets[place] : offsets[place + 1]].tolist(),
                        values[offsets[place] : offsets[place + 1]].tolist(),
                        strict=True,
                    )
                ),
            )
            for place, series in enumerate(page)
        ],
        next_after_id=page[-1].id if len(found) > page_size else None,
    )
