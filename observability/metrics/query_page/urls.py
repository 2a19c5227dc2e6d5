"""The URLs of the query page and of what its scripts ask."""

from django.urls import re_path

from observability.access.pages import Page, admin_page
from observability.metrics.query_page import api
from observability.metrics.query_page.page import query_page
from observability.metrics.query_page.prometheus_links import graph_link

_PAGES: tuple[tuple[str, Page, str], ...] = (
    ("", query_page, "metrics-query"),
    ("complete/<str:kind>/", api.completions, "metrics-query-complete"),
    ("check/", api.checked, "metrics-query-check"),
    ("history/", api.past_queries, "metrics-query-history"),
    ("history/<int:pk>/", api.past_query, "metrics-query-past"),
)

urlpatterns = [
    *(
        admin_page(f"metrics/query/{route}", view, name=name, permission="metrics.view_series")
        for route, view, name in _PAGES
    ),
    re_path(r"^graph/?$", graph_link, name="prometheus-graph"),
    re_path(r"^prometheus/graph/?$", graph_link),
]
