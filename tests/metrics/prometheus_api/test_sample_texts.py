"""Numbers are written as Go writes them in Prometheus's JSON."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.prometheus_api.sample_texts import format_value, value_texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (9.9e-7, "9.9e-07"),
        (0.00001234, "0.00001234"),
        (123456789012345680.0, "123456789012345680"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_values_have_go_shortest_form(value: float, text: str) -> None:
    assert format_value(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_values_read_back_as_the_same_number(value: float) -> None:
    assert float(format_value(value)) == value


ODD = st.sampled_from(
    [math.nan, math.inf, -math.inf, -0.0, 1e16, 9.5e20, 1e21, 1e-6, 9.9e-7, 5e-324]
)
ORDINARY = (
    st.floats()
    | st.integers(-(2**60), 2**60).map(float)
    | st.floats(1e-8, 1e-3)
    | st.floats(-1e23, 1e23)
    | st.decimals(-1000, 1000, places=2).map(float)
)


@given(st.lists(ODD | ORDINARY, max_size=20))
def test_many_values_at_once_have_the_same_form(values: list[float]) -> None:
    texts = value_texts(np.array(values, dtype=np.float64))

    assert texts == [format_value(value).encode() for value in values]
