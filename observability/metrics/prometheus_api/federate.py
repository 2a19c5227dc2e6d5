"""`/federate`: the newest samples of some series, for another Prometheus to scrape.

Source: Prometheus 3, web/federate.go.
"""

from __future__ import annotations

import time

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.backend import get_backend
from observability.metrics.period import Period
from observability.metrics.prometheus_api.choice import texts
from observability.metrics.prometheus_api.escaping import wanted_escaping
from observability.metrics.prometheus_api.read_view import ReadView
from observability.metrics.prometheus_api.text_format import content_type, untyped_text
from observability.metrics.prometheus_api.transport import answer
from observability.promql.engine import LOOKBACK_MS
from observability.promql.errors import ParseError
from observability.promql.parser import parse_metric_selector


class FederateView(ReadView):
    """Expose samples that are here."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer in the text format, sorted by name; what is wrong is told in plain text."""
        try:
            selectors = [
                parse_metric_selector(text).all_matchers for text in texts(request, "match[]")
            ]
        except ParseError as error:
            return HttpResponse(f"{error}\n", status=400, content_type="text/plain; charset=utf-8")
        now_ms = int(time.time() * 1000)
        samples = get_backend().newest(selectors, period=Period(now_ms - LOOKBACK_MS, now_ms))
        escaping = wanted_escaping(request.headers.get("Accept", ""))
        return answer(request, untyped_text(samples, escaping), content_type=content_type(escaping))
