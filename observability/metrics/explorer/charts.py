"""What of a metric is worth drawing: expressions for its type."""

from __future__ import annotations

from dataclasses import dataclass

from observability.metrics.samples import MetricType
from observability.promql.durations import format_duration
from observability.promql.labels import format_grouping_label

# As many points as the browser asks for (static/portal/charts.js).
_POINTS = 240
_LEAST_WINDOW_SECONDS = 300
# Lines that can be told apart.
MAX_LINES = 50
# A chart of more series than this is drawn when somebody asks for it.
MAX_SERIES_UNASKED = 20_000
_QUANTILES = ("0.5", "0.9", "0.99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One way to draw a metric.

    Attributes:
        key: In the page's address.
        title: What people choose.
        expr: In PromQL.
        unit: Of static/portal/charts.js.
        legend: Of each line; '' for its labels.
    """

    key: str
    title: str
    expr: str
    unit: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What is to be drawn.

    Attributes:
        name: The metric's.
        type: What its values mean.
        unit: What its senders say.
        selector: The series.
        series_count: How many these are.
        by: A label to divide by, '' for none.
        differing: The labels that tell the series apart.
        range_seconds: How far back.
    """

    name: str
    type: MetricType
    unit: str
    selector: str
    series_count: int
    by: str = ""
    differing: tuple[str, ...] = ()
    range_seconds: int


def charts(drawn: Drawn) -> list[Chart]:
    """Return the ways to draw a metric, the best first."""
    if _is_buckets(drawn):
        return _charts_of_buckets(drawn)
    return _charts_of_counter(drawn) if _grows(drawn) else _charts_of_gauge(drawn)


def _is_buckets(drawn: Drawn) -> bool:
    return drawn.type is MetricType.HISTOGRAM and drawn.name.endswith("_bucket")


def _grows(drawn: Drawn) -> bool:
    is_part = drawn.type in (MetricType.HISTOGRAM, MetricType.SUMMARY)
    ends = ("_total", "_sum", "_count")
    if drawn.type is MetricType.COUNTER or (is_part and drawn.name.endswith(ends)):
        return True
    return drawn.type is MetricType.UNKNOWN and drawn.name.endswith((*ends, "_bucket"))


def _charts_of_buckets(drawn: Drawn) -> list[Chart]:
    rate = _rate(drawn)
    by_bucket = f"by (le{', ' + format_grouping_label(drawn.by) if drawn.by else ''})"
    buckets = f"sum {by_bucket} ({rate})"
    quantiles = [
        f'label_replace(histogram_quantile({q}, {buckets}), "quantile", "{q}", "", "")'
        for q in _QUANTILES
    ]
    # Every observation is in the bucket of +Inf, so that the largest counts all.
    observed = f"max{_grouping(drawn)} ({buckets})"
    by = f" {{{{{drawn.by}}}}}" if drawn.by else ""
    return [
        Chart(
            key="quantiles",
            title="Quantiles",
            expr="\nor ".join(quantiles),
            unit=_unit(drawn),
            legend="p{{quantile}}" + by,
        ),
        Chart(key="rate", title="Observations a second", expr=observed, unit="per-second"),
    ]


def _charts_of_counter(drawn: Drawn) -> list[Chart]:
    unit = _unit_of_rate(drawn)
    together = Chart(
        key="rate",
        title="Rate, added up",
        expr=f"sum{_grouping(drawn)} ({_rate(drawn)})",
        unit=unit,
    )
    each = Chart(
        key="each", title="Rate of each series", expr=_rate(drawn), unit=unit, legend=_legend(drawn)
    )
    return [each, together] if _few(drawn) else [together, each]


def _charts_of_gauge(drawn: Drawn) -> list[Chart]:
    grouping, selector, unit = _grouping(drawn), drawn.selector, _unit(drawn)
    by = f" {{{{{drawn.by}}}}}" if drawn.by else ""
    folds = [
        f'label_replace({fold}{grouping} ({selector}), "fold", "{fold}", "", "")'
        for fold in ("max", "avg", "min")
    ]
    spread = Chart(
        key="spread",
        title="Largest, average, least",
        expr="\nor ".join(folds),
        unit=unit,
        legend="{{fold}}" + by,
    )
    total = Chart(key="sum", title="Added up", expr=f"sum{grouping} ({selector})", unit=unit)
    each = Chart(key="each", title="Each series", expr=selector, unit=unit, legend=_legend(drawn))
    return [each, spread, total] if _few(drawn) else [spread, total, each]


def _legend(drawn: Drawn) -> str:
    """Return the values of the labels that tell series apart; '' shows all labels."""
    return " ".join(f"{{{{{name}}}}}" for name in drawn.differing)


def _few(drawn: Drawn) -> bool:
    return drawn.series_count <= MAX_LINES and not drawn.by


def _grouping(drawn: Drawn) -> str:
    return f" by ({format_grouping_label(drawn.by)})" if drawn.by else ""


def _rate(drawn: Drawn) -> str:
    step = drawn.range_seconds / _POINTS
    # Two steps at least, so that no increase falls between two points.
    window = max(_LEAST_WINDOW_SECONDS, -(-2 * step // 60) * 60)
    return f"rate({drawn.selector}[{format_duration(int(window) * 1000)}])"


def _unit(drawn: Drawn) -> str:
    base = drawn.name
    for ending in ("_total", "_bucket", "_sum", "_count"):
        base = base.removesuffix(ending)
    for unit in ("seconds", "bytes", "ratio", "percent"):
        if drawn.unit == unit or base.endswith(f"_{unit}"):
            return unit
    return ""


def _unit_of_rate(drawn: Drawn) -> str:
    if drawn.name.endswith("_count"):
        return "per-second"
    return {"bytes": "bytes-per-second", "": "per-second"}.get(_unit(drawn), "")
