import math

import pytest

from tests.promql.queries import ask, instant, over_minutes

SERIES = {'x{i="1"}': "1", 'x{i="2"}': "3", 'x{i="3"}': "8", 'y{i="1"}': "NaN", 'y{i="2"}': "4"}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("quantile(0.5, x)", 3),
        ("quantile(0.75, x)", 5.5),
        ("quantile(0, x)", 1),
        ("quantile(1, x)", 8),
        ("quantile(-0.1, x)", -math.inf),
        ("quantile(1.1, x)", math.inf),
        ("quantile(NaN, x)", math.nan),
        ("quantile(0, y)", math.nan),
        ("quantile(1, y)", 4),
    ],
)
def test_quantile(expr: str, expected: float) -> None:
    assert instant(expr, SERIES) == pytest.approx({"": expected}, nan_ok=True)


@pytest.mark.parametrize("q", ["-0.1", "1.1", "NaN"])
def test_a_quantile_that_is_none_has_a_warning_that_says_where(q: str) -> None:
    result = ask(f"1 + quantile({q}, x)", SERIES)

    assert result.warnings == (
        f"PromQL warning: quantile value should be between 0 and 1, got {q} (1:14)",
    )


def test_steps_without_values_have_no_quantile() -> None:
    values = over_minutes("quantile(scalar(q), x)", {"x": "_ 5 stale", "q": "1x3"}, minutes=3)

    assert values == {"": {1: 5}}
