"""The newest sample of each series, as federation wants them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from observability.metrics.period import Period
from observability.metrics.store.listing import Selectors
from observability.metrics.store.selection import SelectedSeries, find_series
from observability.metrics.store.storage import read_samples
from observability.promql.labels import METRIC_NAME, LabelSet, label_value
from observability.promql.staleness import is_stale

# Bounds the samples that are in memory: a series has some 20 to 300 of five minutes.
_SERIES_PER_LOOK = 1_000


@dataclass(frozen=True, slots=True)
class NewestSample:
    """A series with its newest sample."""

    labels: LabelSet
    timestamp_ms: int
    value: float


def newest_samples(selectors: Selectors, period: Period) -> Iterator[NewestSample]:
    """Yield the newest sample in a period of each series that any of the selectors selects.

    Sorted by the metric's name, then by labels. A series that has ended, or has no sample then, is left out.
    """
    found = {series.id: series for matchers in selectors for series in find_series(matchers)}
    ordered = sorted(found.values(), key=_order)
    for first in range(0, len(ordered), _SERIES_PER_LOOK):
        yield from _newest(ordered[first : first + _SERIES_PER_LOOK], period)


def _order(series: SelectedSeries) -> tuple[str, LabelSet]:
    return label_value(series.labels, METRIC_NAME), series.labels


def _newest(series: list[SelectedSeries], period: Period) -> Iterator[NewestSample]:
    samples = read_samples([each.id for each in series], *period.bounds_ms)
    places = samples.series_ids
    is_last = np.append(places[1:] != places[:-1], True) if len(places) else np.empty(0, np.bool_)
    lasts = np.flatnonzero(is_last & ~is_stale(samples.values))
    for place, timestamp_ms, value in zip(
        places[lasts].tolist(),
        samples.timestamps_ms[lasts].tolist(),
        samples.values[lasts].tolist(),
        strict=True,
    ):
        yield NewestSample(series[place].labels, timestamp_ms, value)
