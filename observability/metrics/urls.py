"""The URLs of the metric store; with and without a slash at the end."""

from django.urls import re_path

from observability.access.pages import admin_page
from observability.metrics.api import metrics
from observability.metrics.deletion_api import DeletionListView, DeletionView
from observability.metrics.deletion_page import delete_series_page, resume_deletion
from observability.metrics.exposition import exposition_patterns
from observability.metrics.ingest.influx.view import write_v1, write_v2
from observability.metrics.ingest.otlp.view import otlp_metrics
from observability.metrics.ingest.pushgateway.view import pushgateway
from observability.metrics.prometheus_api.urls import urlpatterns as prometheus_api_patterns
from observability.metrics.query_page.urls import urlpatterns as query_page_patterns
from observability.metrics.store_page import store_page

urlpatterns = [
    *query_page_patterns,
    admin_page(
        "metrics/store/", store_page, name="metrics-store", permission="metrics.view_series"
    ),
    admin_page(
        "metrics/delete-series/",
        delete_series_page,
        name="metrics-delete-series",
        permission="metrics.delete_series",
    ),
    admin_page(
        "metrics/deletion/<int:deletion_id>/resume/",
        resume_deletion,
        name="metrics-resume-deletion",
        permission="metrics.delete_series",
    ),
    *exposition_patterns,
    *prometheus_api_patterns,
    re_path(r"^metrics/job/(?P<path>[\s\S]+)$", pushgateway, name="pushgateway"),
    re_path(
        r"^metrics/job@base64/(?P<path>[\s\S]+)$",
        pushgateway,
        {"is_base64": True},
        name="pushgateway-base64",
    ),
    re_path(r"^api/metrics/?$", metrics, name="metrics"),
    re_path(r"^api/metrics/deletions/?$", DeletionListView.as_view(), name="deletions"),
    re_path(r"^api/metrics/deletions/(?P<pk>[0-9]+)/?$", DeletionView.as_view(), name="deletion"),
    re_path(r"^v1/metrics/?$", otlp_metrics, name="otlp-metrics"),
    re_path(r"^api/v2/write/?$", write_v2, name="influx-write-v2"),
    re_path(r"^influx/write/?$", write_v1, name="influx-write-v1"),
]
