"""The query page: an expression in, a table and a graph out."""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse

from observability.access.pages import render_page
from observability.metrics.backend import get_backend
from observability.metrics.prometheus_api.answers import format_value
from observability.metrics.ranges import RANGES
from observability.promql import InstantVector, QueryResult, Scalar, String
from observability.promql.errors import PromQLError
from observability.promql.labels import format_metric

# What an operator can still read; the rest is counted.
MAX_ROWS = 200


def query_page(request: HttpRequest) -> HttpResponse:
    """Show the answer to `expr` now, as a table, and over `range`, as a graph."""
    expr = request.GET.get("expr", "").strip()
    chosen = request.GET.get("range", "1h")
    context = {
        "expr": expr,
        "ranges": list(RANGES),
        "range": chosen if chosen in RANGES else "1h",
        "range_seconds": RANGES.get(chosen, 3600),
        "metric_names": get_backend().label_values("__name__"),
        "error": "",
        "rows": [],
        "row_count": 0,
    }
    if expr:
        try:
            result = get_backend().query(expr, at_ms=int(time.time() * 1000))
        except PromQLError as error:
            context["error"] = str(error)
        else:
            rows = _rows(result)
            context |= {
                "rows": rows[:MAX_ROWS],
                "row_count": len(rows),
                "notes": [*result.warnings, *result.infos],
            }
    return render_page(request, "metrics/query.html", title="Query", context=context)


def _rows(result: QueryResult) -> list[tuple[str, str]]:
    """Return what a table shows of a result: a series' name and its value."""
    match result.value:
        case InstantVector() as vector:
            return [
                (format_metric(labels), format_value(value)) for labels, value in vector.samples()
            ]
        case Scalar(_, value):
            return [("scalar", format_value(value))]
        case String(_, text):
            return [("string", text)]
        case matrix:
            return [
                (format_metric(labels), ", ".join(format_value(v) for v in values.tolist()[-5:]))
                for labels, _, values in matrix.series()
            ]
