"""Which number an expression compares with."""

from __future__ import annotations

import pytest

from alerts.rules.thresholds import threshold_of
from observability.promql.parser import parse


@pytest.mark.parametrize(
    ("text", "watched", "op", "limit", "is_all"),
    [
        pytest.param("load > 9", "load", ">", "9", True, id="plain"),
        pytest.param("(load >= -1)", "load", ">=", "-1", True, id="in parentheses"),
        pytest.param("9 < load", "load", ">", "9", True, id="number first"),
        pytest.param("free < 2 * 1024 ^ 3", "free", "<", "2 * 1024 ^ 3", True, id="worked out"),
        pytest.param("sum(rate(e[5m])) == 0", "sum(rate(e[5m]))", "==", "0", True, id="equality"),
        pytest.param("a > 1 and b < 2", "a", ">", "1", False, id="and"),
        pytest.param("a > 1 unless b", "a", ">", "1", False, id="unless"),
    ],
)
def test_the_threshold_of_an_expression(
    text: str, watched: str, op: str, limit: str, is_all: bool
) -> None:
    threshold = threshold_of(parse(text))

    assert threshold is not None
    assert (str(threshold.watched), str(threshold.op)) == (watched, op)
    assert (str(threshold.limit), threshold.is_all) == (limit, is_all)


@pytest.mark.parametrize(
    "text",
    [
        "load",
        "a > b",
        "load > bool 9",
        "a > 1 or b > 1",
        "1 > bool 2",
        "a > scalar(b)",
        "absent(a)",
    ],
)
def test_some_expressions_have_no_threshold(text: str) -> None:
    assert threshold_of(parse(text)) is None
