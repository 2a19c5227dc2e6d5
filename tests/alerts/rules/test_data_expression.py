from __future__ import annotations

import pytest

from alerts.rules.data_expression import data_expression
from observability.promql import parse


@pytest.mark.parametrize(
    ("expr", "data"),
    [
        ("load", "load"),
        ("load > 5", "load"),
        ("5 < load", "load"),
        ("rate(errors[5m]) / rate(requests[5m]) > 0.05", "rate(errors[5m]) / rate(requests[5m])"),
        ("a > on (host) group_left () b", "a - on (host) group_left () b"),
        ("a > 5 and b > 3", "a and b"),
        ("a > 5 or b > 3", "a or b"),
        ("a > 5 unless on (host) maintenance == 1", "a"),
        ("count(up == 0) > 3", "count(up)"),
        ("max_over_time((load > 5)[5m:1m])", "max_over_time((load)[5m:1m])"),
        ("load > bool 5", "load > bool 5"),
        ("-(load > 5)", "-(load)"),
        ("load > scalar(limit)", "load"),
    ],
)
def test_filters_are_taken_away(expr: str, data: str) -> None:
    found = data_expression(parse(expr))

    assert str(found) == data


@pytest.mark.parametrize(
    "expr", ["absent(up)", "absent_over_time(up[5m]) > 0", "vector(1)", "1 > bool 2", "time()"]
)
def test_what_cannot_be_without_data_has_no_data_expression(expr: str) -> None:
    assert data_expression(parse(expr)) is None
