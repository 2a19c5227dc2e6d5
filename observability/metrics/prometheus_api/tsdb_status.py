"""`/api/v1/status/tsdb`: where series come from, in Prometheus's words.

Source: Prometheus 3, web/api/v1/api.go (`serveTSDBStatus`), tsdb/index/postings.go (`Stats`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.cache import cache
from django.db.models import Count as CountOf
from django.db.models import Sum
from django.db.models.functions import Length
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.metrics.models import Metric
from observability.metrics.prometheus_api.answers import success
from observability.metrics.prometheus_api.choice import read_integer
from observability.metrics.prometheus_api.read_view import ReadView
from observability.metrics.prometheus_api.transport import answer
from observability.metrics.prometheus_api.view import BadParameterError
from observability.metrics.store.cardinality import (
    Count,
    label_sizes,
    largest,
    series_by_metric,
    series_by_pair,
)
from observability.metrics.store.statistics import extent
from observability.promql.errors import BadDataError
from observability.promql.labels import METRIC_NAME

_DEFAULT_LIMIT, _MOST = 10, 10_000
# Counting goes through the whole catalogue; Prometheus counts anew as often.
_SECONDS_KEPT = 30
# What Prometheus says of no samples.
_NO_TIMES = 2**63 - 1, -(2**63)


class TSDBStatusView(ReadView):
    """Tell how large the store is."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with the largest of everything, as of the last half minute."""
        limit = _limit(request)
        key = f"metrics:tsdb-status:{limit}"
        body = cache.get(key)
        if body is None:
            body = success(tsdb_status(limit))
            cache.set(key, body, _SECONDS_KEPT)
        return answer(request, bytes(body))


def _limit(request: Request) -> int:
    try:
        limit = read_integer(request, "limit")
    except BadParameterError:
        limit = 0
    if limit is None:
        return _DEFAULT_LIMIT
    if limit < 1:
        raise BadDataError("limit must be a positive number")
    if limit > _MOST:
        raise BadDataError(f"limit must not exceed {_MOST}")
    return limit


def tsdb_status(limit: int) -> dict[str, Any]:
    """Return the figures, with the metric's name as one of the labels."""
    metrics = series_by_metric(limit)
    named = Metric.objects.filter(series_count__gt=0).aggregate(
        metrics=CountOf("pk"), series=Sum("series_count"), letters=Sum(Length("name"))
    )
    labels = label_sizes()
    values = [Count(label.name, label.values) for label in labels]
    sizes = [Count(label.name, label.bytes) for label in labels]
    if named["metrics"]:
        values.append(Count(METRIC_NAME, named["metrics"]))
        # Names of metrics and labels are ASCII, but for a few.
        name_bytes = named["letters"] + len(METRIC_NAME) * named["metrics"]
        sizes.append(Count(METRIC_NAME, name_bytes))
    pairs = [Count(f"{METRIC_NAME}={metric.name}", metric.value) for metric in metrics]
    covered = extent()
    oldest_ms, newest_ms = covered.oldest_ms, covered.newest_ms
    return {
        "headStats": {
            "numSeries": named["series"] or 0,
            "numLabelPairs": sum(value.value for value in values),
            "chunkCount": covered.rows,
            "minTime": _NO_TIMES[0] if oldest_ms is None else oldest_ms,
            "maxTime": _NO_TIMES[1] if newest_ms is None else newest_ms,
        },
        "seriesCountByMetricName": _listed(metrics),
        "labelValueCountByLabelName": _listed(largest(values, limit)),
        "memoryInBytesByLabelName": _listed(largest(sizes, limit)),
        "seriesCountByLabelValuePair": _listed(largest([*pairs, *series_by_pair(limit)], limit)),
    }


def _listed(counts: Sequence[Count]) -> list[dict[str, Any]]:
    return [{"name": count.name, "value": count.value} for count in counts]
