"""The portal's own metrics, read from the folder that its processes share, without a scrape."""

from __future__ import annotations

from prometheus_client import Metric

from observability.metrics.collectors.families import Family
from observability.metrics.samples import MetricType
from observability.telemetry.registry import collect_families

_TYPES = {
    "counter": MetricType.COUNTER,
    "gauge": MetricType.GAUGE,
    "histogram": MetricType.HISTOGRAM,
    "summary": MetricType.SUMMARY,
}


def collect_own() -> list[Family]:
    """Return what the portal measures about itself; nothing that it serves from its store."""
    return [_family(metric) for metric in collect_families()]


def _family(metric: Metric) -> Family:
    return Family(
        name=f"{metric.name}_total" if metric.type == "counter" else metric.name,
        type=_TYPES.get(metric.type, MetricType.UNKNOWN),
        help=metric.documentation,
        unit=metric.unit,
        samples=[(sample.name, sample.labels, sample.value) for sample in metric.samples],
    )
