"""Quantiles of windows whose samples stay sorted from one to the next."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql.functions.order_statistics import mad_over_time, quantile_over_time
from observability.promql.functions.over_time import max_over_time, min_over_time
from tests.promql.test_window_sums import sliding, windows_of

VALUES = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-1e9, 1e9), st.just(math.nan), st.just(-0.0)
)
# The samples before each window's end, and its size: ends never go back, beginnings may (rounded
# windows of rollups do).
WINDOWS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=30)


def quantile(q: float, values: list[float]) -> float:
    """Return the quantile of numbers among which NaN is the least."""
    ordered = sorted(values, key=lambda value: -math.inf if math.isnan(value) else value)
    rank = q * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] * (1 - (rank - lower)) + ordered[upper] * (rank - lower)


@given(st.lists(VALUES, min_size=1, max_size=50), st.integers(1, 20), st.floats(0, 1))
def test_a_sliding_quantile_is_that_of_its_window(values: list[float], size: int, q: float) -> None:
    windows = sliding(len(values), size)

    found, present = quantile_over_time(windows_of(values, windows), np.full(len(windows), q))

    assert present[0].tolist() == [last > first for first, last in windows]
    expected = [quantile(q, values[first:last]) for first, last in windows if last > first]
    assert found[present].tolist() == pytest.approx(expected, nan_ok=True)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40), WINDOWS)
def test_windows_may_leap_and_be_empty(values: list[float], edges: list[tuple[int, int]]) -> None:
    ends = sorted(min(end, len(values)) for end, _ in edges)
    windows = [(max(end - size, 0), end) for end, (_, size) in zip(ends, edges, strict=True)]
    block = windows_of(values, windows)

    median, present = quantile_over_time(block, np.full(len(windows), 0.5))
    deviation, _ = mad_over_time(block)
    least, _ = min_over_time(block)
    greatest, _ = max_over_time(block)

    parts = [np.array(values[first:last]) for first, last in windows if last > first]
    assert median[present].tolist() == pytest.approx([np.median(part) for part in parts])
    assert deviation[present].tolist() == pytest.approx(
        [np.median(np.abs(part - np.median(part))) for part in parts]
    )
    assert least[present].tolist() == [part.min() for part in parts]
    assert greatest[present].tolist() == [part.max() for part in parts]
