"""The query page itself: its frame for the scripts, and a plain table where there are none."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from observability.access.pages import render_page
from observability.metrics.backend import get_backend
from observability.metrics.prometheus_api.sample_texts import format_value
from observability.promql import InstantVector, QueryResult, Scalar, String
from observability.promql.errors import PromQLError
from observability.promql.labels import format_metric

MAX_EXPRESSIONS = 8
# What an operator can still read; the rest is counted.
MAX_ROWS = 200

_RANGES = {
    "5m": "5 minutes",
    "15m": "15 minutes",
    "30m": "30 minutes",
    "1h": "1 hour",
    "3h": "3 hours",
    "6h": "6 hours",
    "12h": "12 hours",
    "1d": "1 day",
    "2d": "2 days",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
}
_REFRESHES = {0: "off", 5: "5 s", 15: "15 s", 30: "30 s", 60: "1 min", 300: "5 min"}
_UNITS = {
    "": "numbers",
    "bytes": "bytes",
    "bytes-per-second": "bytes per second",
    "seconds": "seconds",
    "per-second": "per second",
    "ratio": "ratio (1 is 100 %)",
    "percent": "percent",
}
_EXAMPLES = (
    ("node_load1", "Load of each machine"),
    ("sum by (mode) (rate(node_cpu_seconds_total[5m]))", "CPU time by mode"),
    ("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "Memory in use"),
    ("topk(5, count by (__name__) ({__name__=~'.+'}))", "Metrics with most series"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainAnswer:
    """What an expression gives now, for a page without scripts.

    Attributes:
        expr: The expression.
        error: Why there is no answer, '' when there is one.
        notes: What is to be said about the answer.
        rows: The first series and their values.
        row_count: How many series there are.
    """

    expr: str
    error: str = ""
    notes: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    row_count: int = 0


def query_page(request: HttpRequest) -> HttpResponse:
    """Show the page; with `plain`, which it sends where scripts do not run, answers as tables."""
    exprs = [expr for expr in request.GET.getlist("expr") if expr.strip()][:MAX_EXPRESSIONS]
    is_plain = "plain" in request.GET
    context: dict[str, Any] = {
        "exprs": exprs or [""],
        "ranges": _RANGES,
        "refreshes": _REFRESHES,
        "units": _UNITS,
        "examples": _EXAMPLES,
        "config": _config(),
        "answers": [_plain_answer(expr) for expr in exprs] if is_plain else [],
    }
    return render_page(request, "metrics/query.html", title="Query", context=context)


def _config() -> dict[str, Any]:
    """Return what the scripts need to know: addresses and limits."""
    return {
        "maxExpressions": MAX_EXPRESSIONS,
        "urls": {
            "query": reverse("prometheus-query"),
            "queryRange": reverse("prometheus-query-range"),
            "completeMetrics": reverse("metrics-query-complete", args=["metrics"]),
            "completeLabelNames": reverse("metrics-query-complete", args=["label-names"]),
            "completeLabelValues": reverse("metrics-query-complete", args=["label-values"]),
            "check": reverse("metrics-query-check"),
            "format": reverse("prometheus-format-query"),
            "history": reverse("metrics-query-history"),
        },
    }


def _plain_answer(expr: str) -> PlainAnswer:
    try:
        result = get_backend().query(expr, at_ms=int(time.time() * 1000))
    except PromQLError as error:
        return PlainAnswer(expr=expr, error=str(error))
    rows = _rows(result)
    return PlainAnswer(
        expr=expr,
        notes=(*result.warnings, *result.infos),
        rows=tuple(rows[:MAX_ROWS]),
        row_count=len(rows),
    )


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
