"""The URLs of Prometheus's HTTP API; with and without a slash at the end, and under a prefix as well.

Clients are often configured for `http://host/prometheus`, where proxies put it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, re_path

from observability.metrics.ingest.otlp.view import otlp_metrics
from observability.metrics.ingest.remote_write.view import remote_write
from observability.metrics.prometheus_api import status, targets
from observability.metrics.prometheus_api.delete_series import DeleteSeriesView
from observability.metrics.prometheus_api.exemplars import ExemplarsView
from observability.metrics.prometheus_api.expressions import FormatQueryView, ParseQueryView
from observability.metrics.prometheus_api.federate import FederateView
from observability.metrics.prometheus_api.labels import LabelNamesView, LabelValuesView
from observability.metrics.prometheus_api.metadata import MetadataView, TargetsMetadataView
from observability.metrics.prometheus_api.probes import HealthyView, ReadyView
from observability.metrics.prometheus_api.queries import QueryRangeView, QueryView
from observability.metrics.prometheus_api.series import SeriesView
from observability.metrics.prometheus_api.tsdb_status import TSDBStatusView

PREFIX = "prometheus/"

# By path; the name is that of the URL without the prefix.
_VIEWS: dict[str, tuple[Callable[..., Any], str]] = {
    "api/v1/query": (QueryView.as_view(), "prometheus-query"),
    "api/v1/query_range": (QueryRangeView.as_view(), "prometheus-query-range"),
    "api/v1/format_query": (FormatQueryView.as_view(), "prometheus-format-query"),
    "api/v1/parse_query": (ParseQueryView.as_view(), "prometheus-parse-query"),
    "api/v1/query_exemplars": (ExemplarsView.as_view(), "prometheus-query-exemplars"),
    "api/v1/series": (SeriesView.as_view(), "prometheus-series"),
    "api/v1/labels": (LabelNamesView.as_view(), "prometheus-labels"),
    "api/v1/label/(?P<name>[^/]+)/values": (LabelValuesView.as_view(), "prometheus-label-values"),
    "api/v1/metadata": (MetadataView.as_view(), "prometheus-metadata"),
    "api/v1/targets": (targets.TargetsView.as_view(), "prometheus-targets"),
    "api/v1/targets/metadata": (TargetsMetadataView.as_view(), "prometheus-targets-metadata"),
    "api/v1/scrape_pools": (targets.ScrapePoolsView.as_view(), "prometheus-scrape-pools"),
    "api/v1/scrape_pools/config": (
        targets.ScrapePoolConfigView.as_view(),
        "prometheus-scrape-pool-config",
    ),
    "api/v1/alertmanagers": (targets.AlertmanagersView.as_view(), "prometheus-alertmanagers"),
    "api/v1/status/buildinfo": (status.BuildInfoView.as_view(), "prometheus-buildinfo"),
    "api/v1/status/runtimeinfo": (status.RuntimeInfoView.as_view(), "prometheus-runtimeinfo"),
    "api/v1/status/config": (status.ConfigView.as_view(), "prometheus-config"),
    "api/v1/status/flags": (status.FlagsView.as_view(), "prometheus-flags"),
    "api/v1/status/tsdb": (TSDBStatusView.as_view(), "prometheus-tsdb"),
    "federate": (FederateView.as_view(), "prometheus-federate"),
    "-/healthy": (HealthyView.as_view(), "prometheus-healthy"),
    "-/ready": (ReadyView.as_view(), "prometheus-ready"),
    "api/v1/admin/tsdb/delete_series": (DeleteSeriesView.as_view(), "prometheus-delete-series"),
    "api/v1/write": (remote_write, "remote-write"),
    "api/v1/otlp/v1/metrics": (otlp_metrics, "otlp-metrics-prometheus"),
}


def prometheus_urls(path: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """Return the URLs of a view of the API, for the list of whichever app has it."""
    return [
        re_path(rf"^{path}/?$", view, name=name),
        re_path(rf"^{PREFIX}{path}/?$", view),
    ]


urlpatterns = [
    url for path, (view, name) in _VIEWS.items() for url in prometheus_urls(path, view, name)
]
