"""What is drawn of a metric suits its type, and is PromQL."""

from __future__ import annotations

import pytest

from observability.metrics.explorer.charts import Drawn, charts
from observability.metrics.samples import MetricType
from observability.promql.parser import parse


def drawn(name: str, kind: MetricType, **given: object) -> Drawn:
    defaults = {"selector": name, "series_count": 1, "unit": "", "by": "", "range_seconds": 3600}
    return Drawn(name=name, type=kind, **{**defaults, **given})  # type: ignore[arg-type] # by keyword


@pytest.mark.parametrize(
    ("metric", "expr", "unit"),
    [
        pytest.param(drawn("load", MetricType.GAUGE), "load", "", id="gauge"),
        pytest.param(drawn("free_bytes", MetricType.GAUGE), "free_bytes", "bytes", id="unit"),
        pytest.param(
            drawn("x_total", MetricType.COUNTER), "rate(x_total[5m])", "per-second", id="counter"
        ),
        pytest.param(
            drawn("x_total", MetricType.COUNTER, series_count=500),
            "sum (rate(x_total[5m]))",
            "per-second",
            id="many series",
        ),
        pytest.param(
            drawn("x_total", MetricType.COUNTER, by="job"),
            "sum by (job) (rate(x_total[5m]))",
            "per-second",
            id="divided",
        ),
        pytest.param(
            drawn("x_total", MetricType.COUNTER, range_seconds=604_800),
            "rate(x_total[1h24m])",
            "per-second",
            id="a week",
        ),
        pytest.param(
            drawn("rx_bytes_total", MetricType.COUNTER),
            "rate(rx_bytes_total[5m])",
            "bytes-per-second",
            id="bytes",
        ),
        pytest.param(
            drawn("lag_seconds_count", MetricType.SUMMARY),
            "rate(lag_seconds_count[5m])",
            "per-second",
            id="count of a summary",
        ),
        pytest.param(
            drawn("lag_seconds", MetricType.SUMMARY), "lag_seconds", "seconds", id="summary"
        ),
        pytest.param(
            drawn("x_total", MetricType.UNKNOWN),
            "rate(x_total[5m])",
            "per-second",
            id="by its name",
        ),
    ],
)
def test_the_first_chart_suits_the_type(metric: Drawn, expr: str, unit: str) -> None:
    chart = charts(metric)[0]

    assert (chart.expr, chart.unit) == (expr, unit)


def test_buckets_are_drawn_as_quantiles() -> None:
    chart = charts(drawn("lag_seconds_bucket", MetricType.HISTOGRAM))[0]

    assert "histogram_quantile(0.99, sum by (le) (rate(lag_seconds_bucket[5m])))" in chart.expr
    assert (chart.unit, chart.legend) == ("seconds", "p{{quantile}}")


@pytest.mark.parametrize("by", ["", "job", "café"])
@pytest.mark.parametrize("kind", list(MetricType))
@pytest.mark.parametrize("name", ["m", "m_total", "m_bucket", "m_seconds_sum"])
def test_every_chart_is_promql(name: str, kind: MetricType, by: str) -> None:
    exprs = [chart.expr for chart in charts(drawn(name, kind, by=by, series_count=60))]

    assert exprs
    assert all(parse(expr) for expr in exprs)


def test_lines_are_named_by_the_labels_that_tell_them_apart() -> None:
    chart = charts(drawn("load", MetricType.GAUGE, differing=("cpu", "mode")))[0]

    assert chart.legend == "{{cpu}} {{mode}}"
