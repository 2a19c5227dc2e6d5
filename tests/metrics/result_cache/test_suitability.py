"""Which expressions are cached, and what a step of them reads."""

from __future__ import annotations

import pytest

from observability.metrics.result_cache.suitability import reach_ms

MINUTE_MS = 60_000
LOOKBACK_MS = 5 * MINUTE_MS


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("m", 5),
        ("sum by (job) (m)", 5),
        ("m offset 1h", 65),
        ("rate(m[10m])", 15),
        ("rate(m[10m] offset 1h)", 75),
        ("increase(m[10m] anchored)", 15),
        ("rate(m[step() * 2])", 7),
        ("max_over_time(rate(m[10m])[1h:1m] offset 5m)", 80),
        ("a / b offset 20m", 25),
        ("quantile(scalar(a offset 20m), b)", 25),
        ("m > time()", 5),
        ("-(m)", 5),
    ],
)
def test_a_step_reads_so_far_back(text: str, minutes: int) -> None:
    assert reach_ms(text, step_ms=MINUTE_MS, lookback_ms=LOOKBACK_MS) == minutes * MINUTE_MS


@pytest.mark.parametrize(
    "text",
    [
        "m @ 1000",
        "m @ start()",
        "sum(rate(m[5m] @ end()))",
        "max_over_time(m[1h:1m] @ end())",
        "m offset -1m",
        "max_over_time(m[1h:1m] offset -1m)",
        "m * start()",
        "m * end()",
        "m * range()",
        "rate(m[range()])",
        "max_over_time(m[1h:range()])",
        "m smoothed",
        "rate(m[5m] smoothed)",
        "limitk(2, m)",
        "info(m)",
        "time()",
        "vector(1)",
        "1",
        "sum(",
        "rate(m[0s])",
    ],
)
def test_other_expressions_are_evaluated_each_time(text: str) -> None:
    assert reach_ms(text, step_ms=MINUTE_MS, lookback_ms=LOOKBACK_MS) is None
