"""`/api/v1/labels` and `/api/v1/label/<name>/values`: label names and values of series."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.backend import get_backend
from observability.metrics.prometheus_api.choice import read_limit, read_period, read_selectors
from observability.metrics.prometheus_api.escaping import unescape_name
from observability.metrics.prometheus_api.lists import list_parts
from observability.metrics.prometheus_api.read_view import ReadView
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import PrometheusView
from observability.promql.errors import BadDataError


class LabelNamesView(PrometheusView):
    """List label names."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with the names, sorted."""
        limit, period = read_limit(request), read_period(request)
        names = get_backend().label_names(
            read_selectors(request), period=period, limit=_and_one(limit)
        )
        return answer(request, list_parts(names, limit=limit))

    post = get


class LabelValuesView(ReadView):
    """List the values of a label."""

    @extend_schema(exclude=True)
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Answer with the values, sorted."""
        label = unescape_name(name)
        if not label:
            raise BadDataError('invalid label name: ""')
        limit, period = read_limit(request), read_period(request)
        values = get_backend().label_values(
            label, read_selectors(request), period=period, limit=_and_one(limit)
        )
        return answer(request, list_parts(values, limit=limit))


def _and_one(limit: int | None) -> int | None:
    """Return a limit that shows whether there are more."""
    return None if limit is None else limit + 1
