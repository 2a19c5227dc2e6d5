"""The URLs of Prometheus's HTTP API; with and without a slash at the end."""

from django.urls import re_path

from observability.metrics.prometheus_api.delete_series import DeleteSeriesView
from observability.metrics.prometheus_api.queries import QueryRangeView, QueryView

urlpatterns = [
    re_path(r"^api/v1/query/?$", QueryView.as_view(), name="prometheus-query"),
    re_path(r"^api/v1/query_range/?$", QueryRangeView.as_view(), name="prometheus-query-range"),
    re_path(
        r"^api/v1/admin/tsdb/delete_series/?$",
        DeleteSeriesView.as_view(),
        name="prometheus-delete-series",
    ),
]
