"""`/api/v1/series`: the label sets of the series that selectors select."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.backend import get_backend
from observability.metrics.prometheus_api.choice import (
    read_limit,
    read_period,
    read_selectors,
    texts,
)
from observability.metrics.prometheus_api.lists import list_parts
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import BadParameterError, PrometheusView
from observability.promql.errors import BadDataError


class SeriesView(PrometheusView):
    """List series."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with label sets, sorted as long as there are not very many."""
        if not texts(request, "match[]"):
            raise BadDataError("no match[] parameter provided")
        limit, period = read_limit(request), read_period(request)
        try:
            selectors = read_selectors(request)
        except BadDataError as error:
            raise BadParameterError("match[]", str(error)) from error
        found = get_backend().series(
            selectors, period=period, limit=None if limit is None else limit + 1
        )
        return answer(request, list_parts(map(dict, found), limit=limit))

    post = get
