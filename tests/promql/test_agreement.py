"""The engine says at every step what the reference says, whatever is asked of whatever data."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability.promql import (
    Engine,
    InstantVector,
    Matrix,
    MemoryStorage,
    PromQLError,
    parse,
)
from observability.promql.labels import LabelSet
from observability.promql.syntax import Expr, MatrixSelector, VectorSelector

from .expressions import (
    CLASSIC,
    EXPRESSIONS,
    HISTOGRAM_TEXTS,
    LEAVES,
    RANKED,
    WINDOW_FUNCTIONS,
    data_sets,
    histogram_sets,
    window_call,
)
from .reference import Data, Reference, RefusedError

STARTS = st.integers(0, 900_000)
STEPS = st.sampled_from([1_000, 15_000, 60_000, 100_001])
STEP_COUNTS = st.integers(1, 12)
BLOCK_SIZES = st.integers(1, 4)


@settings(max_examples=100, deadline=None)
@given(data_sets(), EXPRESSIONS, STARTS, STEPS, STEP_COUNTS, BLOCK_SIZES)
def test_range_query(
    data: Data, expr: Expr, start_ms: int, step_ms: int, step_count: int, series_per_block: int
) -> None:
    check_range(
        data, expr, range(start_ms, start_ms + step_count * step_ms, step_ms), series_per_block
    )


@settings(max_examples=100, deadline=None)
@given(data_sets(), EXPRESSIONS | RANKED, STARTS, BLOCK_SIZES)
def test_instant_query(data: Data, expr: Expr, at_ms: int, series_per_block: int) -> None:
    storage = stored(data, series_per_block)
    # Printed, selectors have their matchers in order.
    expr = parse(str(expr))
    try:
        expected = Reference(data, [at_ms]).answer(expr, at_ms)
    except RefusedError as refusal:
        with pytest.raises(PromQLError, match=str(refusal)):
            Engine().query(str(expr), at_ms=at_ms, storage=storage)
        return

    value = Engine().query(str(expr), at_ms=at_ms, storage=storage).value

    assert isinstance(value, InstantVector)
    assert_same(dict(value.samples()), expected)


@settings(max_examples=100, deadline=None)
@given(data_sets(), LEAVES | RANKED, STARTS, STEPS, STEP_COUNTS, BLOCK_SIZES)
def test_range_query_of_one_function(
    data: Data, expr: Expr, start_ms: int, step_ms: int, step_count: int, series_per_block: int
) -> None:
    check_range(
        data, expr, range(start_ms, start_ms + step_count * step_ms, step_ms), series_per_block
    )


@settings(max_examples=100, deadline=None)
@given(data_sets(), CLASSIC, st.integers(0, 60), STEPS, STEP_COUNTS, BLOCK_SIZES)
def test_range_query_with_the_windows_of_prometheus_2(
    data: Data, expr: Expr, start: int, step_ms: int, step_count: int, series_per_block: int
) -> None:
    # In step with the samples, so that these lie on the edges of windows.
    first_ms = start * 15_000
    steps_ms = range(first_ms, first_ms + step_count * step_ms, step_ms)

    check_range(data, expr, steps_ms, series_per_block, compat=2)


@settings(max_examples=100, deadline=None)
@given(histogram_sets(), HISTOGRAM_TEXTS, BLOCK_SIZES)
def test_classic_histograms(data: Data, expr: str, series_per_block: int) -> None:
    check_range(data, parse(expr), range(60_000, 1_500_000, 130_000), series_per_block)


@settings(max_examples=100, deadline=None)
@given(
    points=st.lists(
        st.tuples(st.integers(1, 60_000), st.integers(-20, 60).map(float)), min_size=8, max_size=60
    ),
    function=st.sampled_from(WINDOW_FUNCTIONS),
    range_ms=st.integers(20_000, 600_000),
    step_ms=st.sampled_from([20_000, 45_000, 700_000]),
)
def test_windows_with_many_samples(
    points: list[tuple[int, float]], function: str, range_ms: int, step_ms: int
) -> None:
    samples, now_ms = [], 0
    for distance_ms, value in points:
        now_ms += distance_ms
        samples.append((now_ms, value))
    expr = window_call(function, MatrixSelector(VectorSelector("x"), range_ms))

    check_range({(("__name__", "x"),): samples}, expr, range(0, 900_001, step_ms), 1)


def check_range(
    data: Data, expr: Expr, steps_ms: range, series_per_block: int, *, compat: int = 3
) -> None:
    # Printed, selectors have their matchers in order.
    expr = parse(str(expr))
    reference = Reference(data, steps_ms, edge_ms=3 - compat)
    refusals, expected = set(), {}
    for at_ms in steps_ms:
        try:
            expected[at_ms] = reference.answer(expr, at_ms)
        except RefusedError as refusal:
            refusals.add(str(refusal))
    storage = stored(data, series_per_block)
    if refusals:
        with pytest.raises(PromQLError, match="|".join(refusals)):
            ask(expr, steps_ms, storage, compat)
        return

    value = ask(expr, steps_ms, storage, compat)

    assert list(value.label_sets) == sorted(set(value.label_sets))
    found: dict[int, dict[LabelSet, float]] = {at_ms: {} for at_ms in steps_ms}
    for labels, times, numbers in value.series():
        for time, number in zip(times.tolist(), numbers.tolist(), strict=True):
            found[time][labels] = number
    for at_ms in steps_ms:
        assert_same(found[at_ms], expected[at_ms])


def stored(data: Data, series_per_block: int) -> MemoryStorage:
    storage = MemoryStorage(series_per_block=series_per_block)
    for labels, points in data.items():
        storage.add(dict(labels), points)
    return storage


def ask(expr: Expr, steps_ms: range, storage: MemoryStorage, compat: int) -> Matrix:
    value = (
        Engine(compat=compat)
        .query_range(
            str(expr),
            start_ms=steps_ms[0],
            end_ms=steps_ms[-1],
            step_ms=steps_ms.step,
            storage=storage,
        )
        .value
    )
    assert isinstance(value, Matrix)
    return value


def assert_same(found: dict[LabelSet, float], expected: object) -> None:
    """Compare to a relative 1e-9, or to 1e-7 where larger numbers have cancelled each other out."""
    assert isinstance(expected, dict)
    assert found.keys() == expected.keys()
    for labels, number in found.items():
        assert number == pytest.approx(expected[labels], rel=1e-9, abs=1e-7, nan_ok=True), labels
