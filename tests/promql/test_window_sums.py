"""Sums over windows that slide."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from observability.promql.window_sums import window_sums
from observability.promql.windows import WindowBlock

MAGNITUDES = st.builds(math.ldexp, st.floats(-1, 1), st.integers(-200, 200))
VALUES = st.one_of(
    st.floats(-100, 100),
    MAGNITUDES,
    st.sampled_from([0.0, 1.0, -1.0, 1e300, -1e300, math.inf, -math.inf, math.nan]),
)


def windows_of(values: Sequence[float], windows: Sequence[tuple[int, int]]) -> WindowBlock:
    """Return windows of one series, given by their first samples and those after their last."""
    edges = np.array(windows, np.int64).reshape(-1, 2)
    return WindowBlock(
        label_sets=[()],
        drop_name=np.zeros(1, np.bool_),
        timestamps_ms=np.arange(len(values)),
        values=np.array(values, np.float64),
        first=np.ascontiguousarray(edges[None, :, 0]),
        last=np.ascontiguousarray(edges[None, :, 1]),
        end_ms=np.arange(len(edges)),
        range_ms=1,
    )


def exact(values: Sequence[float]) -> float:
    if any(map(math.isnan, values)) or {math.inf, -math.inf} <= set(values):
        return math.nan
    return math.fsum(values)


def sliding(length: int, size: int) -> list[tuple[int, int]]:
    return [(max(end - size, 0), end) for end in range(length + 1)]


@given(st.lists(VALUES, min_size=1, max_size=60), st.integers(4, 40))
@example([1e30, 1.0, -1e30, *[1.0] * 20], 5)
@example([math.nan, *[1.0] * 20], 5)
@example([math.inf, *[1e-300] * 20], 5)
def test_a_sliding_sum_is_that_of_its_window(values: list[float], size: int) -> None:
    windows = sliding(len(values), size)

    total, compensation = window_sums(windows_of(values, windows))

    for found, (first, last) in zip((total + compensation)[0].tolist(), windows, strict=True):
        # Twice the working precision: the rounding of what cancels counts, squared.
        lost = math.fsum(abs(value) for value in values[first:last] if math.isfinite(value))
        expected = exact(values[first:last])
        assert found == pytest.approx(expected, rel=1e-12, abs=lost * 1e-28, nan_ok=True)


@given(
    st.lists(MAGNITUDES, min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40),
)
def test_windows_may_leap_overlap_and_go_back(
    values: list[float], edges: list[tuple[int, int]]
) -> None:
    windows = [
        (min(first, last, len(values)), min(max(first, last), len(values))) for first, last in edges
    ]

    total, compensation = window_sums(windows_of(values, windows))

    sums = (total + compensation)[0].tolist()
    for found, (first, last) in zip(sums, windows, strict=True):
        part = values[first:last]
        assert found == pytest.approx(
            math.fsum(part), rel=1e-12, abs=math.fsum(map(abs, part)) * 1e-28
        )


def test_every_series_begins_anew() -> None:
    values = np.array([1e300] * 8 + [1e-300] * 8)
    first = np.array([[0, 1, 2, 3, 4], [8, 9, 10, 11, 12]])
    block = WindowBlock(
        label_sets=[(), ()],
        drop_name=np.zeros(2, np.bool_),
        timestamps_ms=np.arange(16),
        values=values,
        first=first,
        last=first + 4,
        end_ms=np.arange(5),
        range_ms=1,
    )

    total, compensation = window_sums(block)

    assert (total + compensation)[1].tolist() == pytest.approx([4e-300] * 5, rel=1e-12)
