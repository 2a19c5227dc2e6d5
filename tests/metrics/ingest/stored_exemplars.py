"""The exemplars that the store holds, read by the seam."""

from __future__ import annotations

from observability.metrics.backend import get_backend
from observability.metrics.period import EVER
from observability.promql.labels import drop_metric_name, label_value
from observability.promql.parser import parse_metric_selector

StoredExemplars = dict[str, list[tuple[dict[str, str], float, int]]]
"""Labels, value and milliseconds of each exemplar, by the series' metric and `name=value` of its labels."""


def stored_exemplars(selector: str = '{__name__!=""}') -> StoredExemplars:
    found = get_backend().exemplars([parse_metric_selector(selector).all_matchers], period=EVER)
    return {
        " ".join(
            [
                label_value(series.labels, "__name__"),
                *(f"{name}={value}" for name, value in drop_metric_name(series.labels)),
            ]
        ): [
            (dict(exemplar.labels), exemplar.value, exemplar.timestamp_ms)
            for exemplar in series.exemplars
        ]
        for series in found
    }
