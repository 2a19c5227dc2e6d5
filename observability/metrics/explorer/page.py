"""The page of one metric: what it is, a chart, its labels, its series."""

from __future__ import annotations

import time
from typing import Any, TypeAlias
from urllib.parse import urlencode

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from numpy.typing import NDArray

from observability.access.pages import render_page
from observability.metrics.explorer.charts import MAX_SERIES_UNASKED, Chart, Drawn, charts
from observability.metrics.explorer.labels import summarize_label, summarize_labels
from observability.metrics.explorer.recency import last_sample_ms, samples_per_second
from observability.metrics.explorer.series_filter import SeriesFilter, filter_of, parse_filter
from observability.metrics.links import links_for
from observability.metrics.models import Metric
from observability.metrics.ranges import RANGES
from observability.metrics.samples import MetricType
from observability.metrics.store.retention import policy_of
from observability.metrics.store.selection import find_series
from observability.metrics.store.series_table import SeriesTable, find_table
from observability.metrics.store.windows import DAY_MS
from observability.promql.errors import PromQLError
from observability.promql.labels import drop_metric_name

Chosen: TypeAlias = NDArray[np.bool_]
"""For each series of a table, whether the filter selects it."""

SERIES_PER_PAGE = 50
_TOP_VALUES = 5
_MORE_VALUES = 200
# A few lines can be followed as they grow; more would load the store.
_REFRESH_SECONDS = 30
_LONGEST_REFRESHED_SECONDS = RANGES["6h"]


def metric_page(request: HttpRequest, metric: Metric) -> HttpResponse:
    """Show a metric; the parameters say which of its series, and what to draw of them."""
    asked = request.GET
    typed = asked.get("match", "")
    chosen, problem = SeriesFilter(metric.name), ""
    try:
        chosen = parse_filter(metric.name, typed)
    except PromQLError as error:
        problem = str(error)
    table = find_table(metric.name)
    context: dict[str, Any] = {
        "metric": metric,
        "filter_text": typed if problem else chosen.text,
        "problem": problem,
        "chips": [
            {"text": str(matcher), "url": _address(chosen.without(matcher), asked)}
            for matcher in chosen.matchers
        ],
        "all_url": _address(SeriesFilter(metric.name), asked),
        "kept": _kept_words(metric.name),
        "last_sample_ms": last_sample_ms([metric.pk]).get(metric.pk),
        "samples_per_second": samples_per_second(metric.pk, now_ms=int(time.time() * 1000)),
    }
    series_count, selected = metric.series_count, None
    if table is not None:
        selected = table.satisfying(chosen.matchers)
        series_count = int(selected.sum())
        context["labels"] = _labels(table, selected, chosen, asked)
        context["values"] = _values_of(table, selected, chosen, asked)
    context |= {
        "series_count": series_count,
        "delete_url": "" if problem else _delete_url(request, chosen),
        **_series(chosen, asked),
        **_chart(metric, chosen, series_count, table, selected, request),
    }
    return render_page(request, "metrics/metric.html", title="Metric", context=context)


def _address(chosen: SeriesFilter, asked: Any, **changes: str) -> str:
    """Return the page's address with another filter; what is drawn stays, where one was does not."""
    kept = {name: asked[name] for name in ("range", "chart", "by", "label") if asked.get(name)}
    parameters = {**kept, "match": chosen.text, **changes}
    return "?" + urlencode({name: value for name, value in parameters.items() if value})


def _delete_url(request: HttpRequest, chosen: SeriesFilter) -> str:
    """Return where these series can be deleted, '' when this user may not."""
    if not request.user.has_perm("metrics.delete_series"):
        return ""
    return f"{reverse('metrics-delete-series')}?{urlencode({'selectors': chosen.selector})}"


def _kept_words(name: str) -> list[str]:
    policy = policy_of(name)
    tiers = (
        ("as it came in", policy.raw_ms),
        ("in steps of 5 minutes", policy.rollup_5m_ms),
        ("in steps of an hour", policy.rollup_1h_ms),
    )
    return [f"{kept_ms // DAY_MS:,} days {words}" for words, kept_ms in tiers if kept_ms]


def _labels(
    table: SeriesTable,
    selected: Chosen,
    chosen: SeriesFilter,
    asked: Any,
) -> list[dict[str, Any]]:
    return [
        {
            "summary": summary,
            "more_url": _address(chosen, asked, label=summary.name) + "#values",
            "top": [
                {"count": count, "url": _address(chosen.narrowed(summary.name, count.value), asked)}
                for count in summary.top
            ],
        }
        for summary in summarize_labels(table, selected, top=_TOP_VALUES)
    ]


def _values_of(
    table: SeriesTable,
    selected: Chosen,
    chosen: SeriesFilter,
    asked: Any,
) -> dict[str, Any] | None:
    """Return the values of the label that the page is asked for, those with `contains` in them."""
    name = asked.get("label", "")
    column = table.columns.get(name)
    if column is None:
        return None
    contains = asked.get("contains", "").strip()
    summary = summarize_label(name, column, selected, top=_MORE_VALUES, contains=contains)
    return {
        "summary": summary,
        "contains": contains,
        "close_url": _address(chosen, asked, label=""),
        "top": [
            {"count": count, "url": _address(chosen.narrowed(name, count.value), asked, label="")}
            for count in summary.top
        ],
    }


def _series(chosen: SeriesFilter, asked: Any) -> dict[str, Any]:
    """Return a page of the series, from the cursor in `after` on."""
    after = asked.get("after", "")
    after_id = int(after) if after.isdecimal() and len(after) < 19 else 0
    found = find_series(chosen.all_matchers, after_id=after_id, limit=SERIES_PER_PAGE + 1)
    rows = [(series, filter_of(series.labels)) for series in found[:SERIES_PER_PAGE]]
    query_url = reverse("metrics-query")
    return {
        "series": [
            {
                "pairs": drop_metric_name(series.labels),
                "selector": alone.selector,
                "chart_url": _address(alone, asked, by="", label=""),
                "query_url": f"{query_url}?{urlencode({'expr': alone.selector})}",
            }
            for series, alone in rows
        ],
        "is_first_page": not after_id,
        "first_url": _address(chosen, asked) + "#series",
        "next_url": (
            _address(chosen, asked, after=str(rows[-1][0].id)) + "#series"
            if len(found) > SERIES_PER_PAGE
            else ""
        ),
    }


def _differing(table: SeriesTable | None, selected: Chosen | None) -> tuple[str, ...]:
    """Return the labels of which the chosen series have more than one value, or none."""
    if table is None or selected is None:
        return ()
    return tuple(
        name
        for name, column in table.columns.items()
        if np.count_nonzero(column.counts(selected)) > 1
    )


def _chart(
    metric: Metric,
    chosen: SeriesFilter,
    series_count: int,
    table: SeriesTable | None,
    selected: Chosen | None,
    request: HttpRequest,
) -> dict[str, Any]:
    asked = request.GET
    range_name = asked.get("range", "1h")
    range_name = range_name if range_name in RANGES else "1h"
    labels = sorted(table.columns) if table else []
    by = asked.get("by", "") if asked.get("by", "") in labels else ""
    choices = charts(
        Drawn(
            name=metric.name,
            type=MetricType(metric.type),
            unit=metric.unit,
            selector=chosen.selector,
            series_count=series_count,
            by=by,
            differing=_differing(table, selected),
            range_seconds=RANGES[range_name],
        )
    )
    chart: Chart = next((c for c in choices if c.key == asked.get("chart")), choices[0])
    is_refreshed = RANGES[range_name] <= _LONGEST_REFRESHED_SECONDS
    return {
        "ranges": list(RANGES),
        "range": range_name,
        "range_seconds": RANGES[range_name],
        "refresh_seconds": _REFRESH_SECONDS if is_refreshed else 0,
        "charts": choices,
        "chart": chart,
        "by": by,
        "label_names": labels,
        "is_large": series_count > MAX_SERIES_UNASKED and "draw" not in asked,
        "draw_url": _address(chosen, asked, draw="1"),
        "query_url": f"{reverse('metrics-query')}?{urlencode({'expr': chart.expr, 'range': range_name})}",
        "links": links_for(request, chart.expr),
    }
