"""The store page: what the store holds, what it takes, and where its series come from."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from observability.access.pages import render_page
from observability.metrics import store_report, tasks
from observability.metrics.models import Metric
from observability.metrics.ranges import RANGES
from observability.metrics.store.cardinality import Cardinality, Count
from observability.metrics.store_report import StoreReport
from observability.promql.labels import format_label_name, quote

_POLL_SECONDS = 1
_REFRESH_SECONDS = 60
CHARTS = (
    ("Samples a second", "sum by (protocol) (rate(portal_samples_ingested_total[5m]))", "per-second", "{{protocol}}", False),
    ("Series", "max(portal_store_series)", "", "series", False),
    ("Disk space", "max by (part) (portal_store_bytes)", "bytes", "{{part}}", True),
)  # fmt: skip
"""Title, expression, unit, legend, and whether the lines are stacked."""


def store_page(request: HttpRequest) -> HttpResponse:
    """Show the last report; a POST has a new one made."""
    if request.method == "POST":
        if store_report.request_report():
            tasks.measure_store.delay()
        else:
            messages.info(request, "The store is being counted already.")
        return redirect("metrics-store")
    report = store_report.kept_report()
    # The first visitor need not wait for the clock.
    if report is None and store_report.request_report():
        tasks.measure_store.delay()
    range_name = request.GET.get("range", "1d")
    range_name = range_name if range_name in RANGES else "1d"
    context: dict[str, Any] = {
        "report": report,
        "progress": store_report.progress(),
        "poll_seconds": _POLL_SECONDS,
        "ingest_rate": store_report.ingest_rate(),
        "ranges": list(RANGES),
        "range": range_name,
        "range_seconds": RANGES[range_name],
        "refresh_seconds": _REFRESH_SECONDS,
        "charts": [
            dict(zip(("title", "expr", "unit", "legend", "stack"), chart, strict=True))
            for chart in CHARTS
        ],
    }
    if report is not None:
        context |= _tables(report)
    return render_page(request, "metrics/store.html", title="Store", context=context)


def _tables(report: StoreReport) -> dict[str, Any]:
    cardinality = report.cardinality
    addresses = _addresses(cardinality)
    series = report.statistics.series
    return {
        "disk": [
            {"name": name, "size": size, "whole": report.statistics.total_disk_bytes}
            for name, size in report.statistics.disk_bytes.items()
        ],
        "series_by_metric": [
            {**_row(count, series), "url": addresses.get(count.name, "")}
            for count in cardinality.series_by_metric
        ],
        "values_by_label": [
            _row(count, cardinality.label_pairs) for count in cardinality.values_by_label
        ],
        "series_by_pair": [
            {**_row(count, series), "url": _pair_address(count.name)}
            for count in cardinality.series_by_pair
        ],
        "multipliers": [
            {
                "multiplier": multiplier,
                "url": addresses.get(multiplier.metric, "")
                + "?"
                + urlencode({"label": multiplier.label})
                + "#values",
            }
            for multiplier in cardinality.multipliers
        ],
        "churn": [
            {"churn": churn, "url": addresses.get(churn.metric, "")} for churn in cardinality.churn
        ],
    }


def _row(count: Count, whole: int) -> dict[str, Any]:
    return {"name": count.name, "value": count.value, "whole": whole}


def _addresses(cardinality: Cardinality) -> dict[str, str]:
    """Return the page of each metric that the report names and that is still there."""
    names = {
        *(count.name for count in cardinality.series_by_metric),
        *(multiplier.metric for multiplier in cardinality.multipliers),
        *(churn.metric for churn in cardinality.churn),
    }
    return {
        name: reverse("admin:metrics_metric_change", args=[metric_id])
        for metric_id, name in Metric.objects.filter(name__in=names).values_list("id", "name")
    }


def _pair_address(pair: str) -> str:
    """Return the query that counts the series of a label pair by metric."""
    label, _, value = pair.partition("=")
    expr = f"count by (__name__) ({{{format_label_name(label)}={quote(value)}}})"
    return f"{reverse('metrics-query')}?{urlencode({'expr': expr})}"
