"""`/api/v1/query` and `/api/v1/query_range`: expressions evaluated.

Source: Prometheus web/api/v1/api.go (`query`, `queryRange`, `extractQueryOpts`).
"""

from __future__ import annotations

import time
from dataclasses import replace

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.backend import get_backend
from observability.metrics.instruments import QUERY_DURATION
from observability.metrics.parameters import parse_duration_ms
from observability.metrics.prometheus_api.answers import result_parts
from observability.metrics.prometheus_api.choice import read_limit
from observability.metrics.prometheus_api.disconnection import departure_of
from observability.metrics.prometheus_api.lists import TRUNCATED
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import BadParameterError, PrometheusView
from observability.promql import InstantVector, Limits, Matrix, QueryOptions, QueryResult
from observability.promql.errors import BadDataError
from observability.promql.steps import Steps

_STATISTICS = ("", "true", "all")
_LIMITS = Limits()
# What VictoriaMetrics, whose parameter `nocache` is, takes for no.
_NO = frozenset({"", "0", "f", "false", "no"})


class _EvaluatingView(PrometheusView):
    """What instant and range queries have in common."""

    def query_options(self, request: Request) -> QueryOptions:
        """Return what the client asks for beside the query and its times."""
        limits = _LIMITS
        if self.parameter(request, "timeout"):
            timeout_seconds = self.duration_ms(request, "timeout") / 1000
            limits = Limits(timeout_seconds=min(timeout_seconds, limits.timeout_seconds))
        return QueryOptions(
            limits=limits,
            lookback_ms=self._lookback_ms(request),
            is_canceled=departure_of(request),
            with_statistics=bool(self.parameter(request, "stats")),
            explain=self.parameter(request, "explain") in ("1", "true"),
        )

    def success(
        self, request: Request, result: QueryResult, *, limit: int | None
    ) -> HttpResponse | StreamingHttpResponse:
        """Return the answer: what was asked for of the result, and no more than that."""
        value, warnings = result.value, list(result.warnings)
        if limit and isinstance(value, InstantVector | Matrix) and len(value) > limit:
            value = value.first(limit)
            warnings.append(TRUNCATED)
        statistics = self.parameter(request, "stats")
        if statistics not in _STATISTICS:
            warnings.append(
                f'value "{statistics}" for parameter "stats" is deprecated and will be rejected'
                ' in the next major release, use "true" or "all"'
            )
        result = replace(result, value=value, warnings=tuple(warnings))
        return answer(request, result_parts(result, per_step=statistics == "all"))

    def _lookback_ms(self, request: Request) -> int | None:
        text = self.parameter(request, "lookback_delta")
        if not text:
            return None
        try:
            # What is not positive stands for the usual one.
            return max(parse_duration_ms(text), 0)
        except ValueError as error:
            raise BadDataError(f"error parsing lookback delta duration: {error}") from error


class QueryView(_EvaluatingView):
    """Evaluate an expression at one time."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """Answer an instant query."""
        limit = read_limit(request)
        at_ms = self.time_ms(request, "time", int(time.time() * 1000))
        options = self.query_options(request)
        with QUERY_DURATION.labels(kind="instant").time():
            result = get_backend().query(
                self.parameter(request, "query"), at_ms=at_ms, options=options
            )
        return self.success(request, result, limit=limit)

    post = get


class QueryRangeView(_EvaluatingView):
    """Evaluate an expression at each step of a range."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """Answer a range query."""
        limit = read_limit(request)
        steps = self._steps(request)
        options = self.query_options(request)
        with QUERY_DURATION.labels(kind="range").time():
            result = get_backend().query_range(
                self.parameter(request, "query"),
                start_ms=steps.start_ms,
                end_ms=steps.end_ms,
                step_ms=steps.step_ms,
                options=options,
                use_cache=self.parameter(request, "nocache").lower() in _NO,
            )
        return self.success(request, result, limit=limit)

    post = get

    def _steps(self, request: Request) -> Steps:
        start_ms, end_ms = self.time_ms(request, "start"), self.time_ms(request, "end")
        if end_ms < start_ms:
            raise BadParameterError("end", "end timestamp must not be before start time")
        step_ms = self.duration_ms(request, "step")
        if step_ms <= 0:
            raise BadParameterError(
                "step",
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            )
        steps = Steps(start_ms, end_ms, step_ms)
        _LIMITS.check_resolution(steps.count)
        return steps
