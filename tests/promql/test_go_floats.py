import math

import pytest

from observability.promql.go_floats import open_metrics, plain, shortest


@pytest.mark.parametrize(
    ("value", "as_plain", "as_shortest", "as_open_metrics"),
    [
        (0.0, "0", "0", "0.0"),
        (-0.0, "-0", "-0", "-0.0"),
        (1.0, "1", "1", "1.0"),
        (0.95, "0.95", "0.95", "0.95"),
        (100_000.0, "100000", "100000", "100000.0"),
        (1_234_567.0, "1234567", "1.234567e+06", "1.234567e+06"),
        (1e21, "1000000000000000000000", "1e+21", "1e+21"),
        (0.0001, "0.0001", "0.0001", "0.0001"),
        (-0.00001, "-0.00001", "-1e-05", "-1e-05"),
        (math.nan, "NaN", "NaN", "NaN"),
        (math.inf, "+Inf", "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf", "-Inf"),
    ],
)
def test_floats_are_written_as_go_writes_them(
    value: float, as_plain: str, as_shortest: str, as_open_metrics: str
) -> None:
    assert plain(value) == as_plain
    assert shortest(value) == as_shortest
    assert open_metrics(value) == as_open_metrics
