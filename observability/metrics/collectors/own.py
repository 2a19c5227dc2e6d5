"""The portal's own metrics, read from the folder that its processes share, without a scrape."""

from __future__ import annotations

from django.conf import settings
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
# Histograms of django-prometheus with many series that say what `http_request_duration_seconds`
# says, or what nobody watches; whoever wants them scrapes `/metrics`.
_LEFT_OUT = (
    "django_http_requests_latency_seconds_by_view_method",
    "django_http_requests_body_total_bytes",
    "django_http_responses_body_total_bytes",
)


def collect_own() -> list[Family]:
    """Return what the portal measures about itself; nothing that it serves from its store."""
    prefix = settings.PROMETHEUS_METRIC_NAMESPACE
    left_out = {f"{prefix}_{name}" if prefix else name for name in _LEFT_OUT}
    return [_family(metric) for metric in collect_families() if metric.name not in left_out]


def _family(metric: Metric) -> Family:
    return Family(
        name=f"{metric.name}_total" if metric.type == "counter" else metric.name,
        type=_TYPES.get(metric.type, MetricType.UNKNOWN),
        help=metric.documentation,
        unit=metric.unit,
        samples=[(sample.name, sample.labels, sample.value) for sample in metric.samples],
    )
