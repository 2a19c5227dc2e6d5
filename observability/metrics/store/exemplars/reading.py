"""The exemplars of the series that selectors select."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec
from django.db import connection

from observability.metrics.exemplars import Exemplar, SeriesExemplars
from observability.metrics.period import Period
from observability.metrics.store.listing import Selectors
from observability.metrics.store.selection import condition_of
from observability.promql.labels import METRIC_NAME, LabelSet, label_set

# Bounds the exemplars that are in memory.
_SERIES_PER_LOOK = 1_000

_LABELS = msgspec.json.Decoder(dict[str, str])


def read_exemplars(selectors: Selectors, period: Period) -> Iterator[SeriesExemplars]:
    """Yield the series of any of the selectors that have exemplars in a period, sorted by labels."""
    found: dict[int, LabelSet] = {}
    for matchers in selectors:
        condition, parameters = condition_of(matchers)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT series.id, metric.name, series.labels::text FROM metrics_series AS series"  # noqa: S608 (constants of selection.py)
                " JOIN metrics_metric AS metric ON metric.id = series.metric_id"
                " WHERE series.id IN (SELECT series_id FROM metrics_exemplar"
                f"   WHERE timestamp_ms BETWEEN %s AND %s) AND {condition}",
                [*period.bounds_ms, *parameters],
            )
            for series_id, name, labels in cursor.fetchall():
                found[series_id] = label_set({METRIC_NAME: name, **_LABELS.decode(labels)})
    ordered = sorted(found, key=lambda series_id: found[series_id])
    for first in range(0, len(ordered), _SERIES_PER_LOOK):
        part = ordered[first : first + _SERIES_PER_LOOK]
        exemplars = _exemplars_of(part, period)
        for series_id in part:
            if series_id in exemplars:
                yield SeriesExemplars(labels=found[series_id], exemplars=exemplars[series_id])


def _exemplars_of(series_ids: list[int], period: Period) -> dict[int, list[Exemplar]]:
    exemplars: dict[int, list[Exemplar]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series_id, timestamp_ms, value, labels::text FROM metrics_exemplar"
            " WHERE series_id = ANY(%s) AND timestamp_ms BETWEEN %s AND %s"
            " ORDER BY series_id, timestamp_ms",
            [series_ids, *period.bounds_ms],
        )
        for series_id, timestamp_ms, value, labels in cursor.fetchall():
            exemplars[series_id].append(
                Exemplar(labels=_LABELS.decode(labels), value=value, timestamp_ms=timestamp_ms)
            )
    return exemplars
