"""`/api/v1/query_exemplars`: the exemplars of all series that an expression selects.

Source: Prometheus 3, web/api/v1/api.go (`queryExemplars`), json_codec.go.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.backend import get_backend
from observability.metrics.exemplars import SeriesExemplars
from observability.metrics.prometheus_api.choice import read_period
from observability.metrics.prometheus_api.lists import list_parts
from observability.metrics.prometheus_api.sample_texts import format_value, time_text
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import PrometheusView
from observability.promql.errors import BadDataError, ParseError
from observability.promql.parser import parse, selectors

# Prometheus leaves data out that are nothing.
_NO_SELECTOR = b'{"status":"success"}'


class ExemplarsView(PrometheusView):
    """List exemplars."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with series and their exemplars, both in order."""
        period = read_period(request)
        start_ms, end_ms = period.bounds_ms
        if end_ms < start_ms:
            raise BadDataError("end timestamp must not be before start timestamp")
        try:
            expr = parse(self.parameter(request, "query"))
        except ParseError as error:
            # Otherwise it would be told as one of a parameter.
            raise BadDataError(str(error)) from error
        asked = [selector.all_matchers for selector in selectors(expr)]
        if not asked:
            return answer(request, _NO_SELECTOR)
        found = get_backend().exemplars(asked, period=period)
        return answer(request, list_parts(map(_entry, found)))

    post = get


def _entry(series: SeriesExemplars) -> dict[str, Any]:
    return {
        "seriesLabels": dict(series.labels),
        "exemplars": [
            {
                "labels": dict(sorted(exemplar.labels.items())),
                "value": format_value(exemplar.value),
                "timestamp": msgspec.Raw(time_text(exemplar.timestamp_ms)),
            }
            for exemplar in series.exemplars
        ],
    }
