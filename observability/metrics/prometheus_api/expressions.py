"""`/api/v1/format_query` and `/api/v1/parse_query`: expressions laid out, and taken apart."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.prometheus_api.answers import success
from observability.metrics.prometheus_api.syntax_trees import tree_json
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import PrometheusView
from observability.promql import parse
from observability.promql.printing import pretty


class FormatQueryView(PrometheusView):
    """Lay an expression out over lines."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """Answer with the text."""
        return answer(request, success(pretty(parse(self.parameter(request, "query")))))

    post = get


class ParseQueryView(PrometheusView):
    """Take an expression apart."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """Answer with its syntax tree."""
        tree = tree_json(parse(self.parameter(request, "query")))
        return answer(request, success(tree, is_sorted=True))

    post = get
