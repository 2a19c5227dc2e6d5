"""`/api/v1/query` and `/api/v1/query_range`: expressions evaluated."""

from __future__ import annotations

import time

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.backend import get_backend
from observability.metrics.instruments import QUERY_DURATION
from observability.metrics.prometheus_api.answers import result_json
from observability.metrics.prometheus_api.view import BadParameterError, PrometheusView
from observability.promql import QueryOptions, QueryResult


class QueryView(PrometheusView):
    """Evaluate an expression at one time."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Answer an instant query."""
        now_ms = int(time.time() * 1000)
        at_ms = self.time_ms(request, "time", now_ms)
        options = QueryOptions(limits=self.limits(request))
        with QUERY_DURATION.labels(kind="instant").time():
            result = get_backend().query(
                self.parameter(request, "query"), at_ms=at_ms, options=options
            )
        return _success(result)

    post = get


class QueryRangeView(PrometheusView):
    """Evaluate an expression at each step of a range."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Answer a range query."""
        start_ms, end_ms = self.time_ms(request, "start"), self.time_ms(request, "end")
        if end_ms < start_ms:
            raise BadParameterError("end", "end timestamp must not be before start time")
        step_ms = self.duration_ms(request, "step")
        if step_ms <= 0:
            raise BadParameterError(
                "step",
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            )
        with QUERY_DURATION.labels(kind="range").time():
            result = get_backend().query_range(
                self.parameter(request, "query"),
                start_ms=start_ms,
                end_ms=end_ms,
                step_ms=step_ms,
                options=QueryOptions(limits=self.limits(request)),
            )
        return _success(result)

    post = get


def _success(result: QueryResult) -> HttpResponse:
    return HttpResponse(result_json(result), content_type="application/json")
