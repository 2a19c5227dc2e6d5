"""Functions over rollups: as over samples where windows end with buckets, rounded elsewhere."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql import Engine, Matrix, MemoryStorage
from observability.promql.staleness import STALE_NAN
from tests.promql.rolled_storage import RolledStorage

RESOLUTION_MS = 300_000
MINUTE_MS = 60_000

EXACT = [
    "m",
    "timestamp(m)",
    "absent(m)",
    "sum(m)",
    "-m offset 10m",
    "m @ 3600",
    "absent_over_time(m[RANGE])",
    "avg_over_time(m[RANGE])",
    "changes(m[RANGE])",
    "count_over_time(m[RANGE])",
    "delta(m[RANGE])",
    "first_over_time(m[RANGE])",
    "increase(m[RANGE])",
    "last_over_time(m[RANGE])",
    "max_over_time(m[RANGE])",
    "min_over_time(m[RANGE])",
    "present_over_time(m[RANGE])",
    "rate(m[RANGE])",
    "resets(m[RANGE] offset 5m)",
    "sum_over_time(m[RANGE])",
]

ordinary = st.sampled_from([0.0, 1.0, 2.5, 7.0, 100.0])
values = ordinary | st.sampled_from([STALE_NAN, math.nan, math.inf, -math.inf, -3.25])
times = st.integers(1, 90 * MINUTE_MS) | st.integers(0, 18).map(lambda n: n * RESOLUTION_MS)
series = st.dictionaries(times, values, max_size=40) | st.dictionaries(
    st.integers(0, 360).map(lambda n: n * 15_000), ordinary, max_size=200
)


def stored(*samples: dict[int, float]) -> MemoryStorage:
    storage = MemoryStorage(series_per_block=2)
    for number, of_series in enumerate(samples):
        storage.add({"__name__": "m", "i": str(number)}, of_series.items())
    return storage


def answer(storage: MemoryStorage | RolledStorage, expr: str) -> Matrix:
    value = (
        Engine()
        .query_range(
            expr, start_ms=0, end_ms=90 * MINUTE_MS, step_ms=RESOLUTION_MS, storage=storage
        )
        .value
    )
    assert isinstance(value, Matrix)
    return value


@pytest.mark.parametrize("expr", EXACT)
@given(
    data=st.lists(series, min_size=1, max_size=3),
    minutes=st.sampled_from([5, 10, 30]),
    raw_from=st.sampled_from([0, 20, 43, 200]),
)
def test_aligned_windows_of_rollups_answer_as_samples_do(
    expr: str, data: list[dict[int, float]], minutes: int, raw_from: int
) -> None:
    samples = stored(*data)
    expr = expr.replace("RANGE", f"{minutes}m")
    rollups = RolledStorage(samples, resolution_ms=RESOLUTION_MS, raw_from_ms=raw_from * MINUTE_MS)

    expected, found = answer(samples, expr), answer(rollups, expr)

    assert found.label_sets == expected.label_sets
    assert found.timestamps_ms.tolist() == expected.timestamps_ms.tolist()
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-9, atol=1e-9)


def every_minute(count: int) -> dict[int, float]:
    return {n * MINUTE_MS: float(n) for n in range(1, count + 1)}


@pytest.mark.parametrize(
    ("expr", "at_minute", "expected"),
    [
        pytest.param("count_over_time(m[10m])", 27, 10, id="edge-goes-back"),
        pytest.param("max_over_time(m[10m])", 27, 25, id="nothing-of-after-the-edge"),
        pytest.param("count_over_time(m[8m])", 25, 10, id="length-to-the-nearest"),
        pytest.param("count_over_time(m[1m])", 25, 5, id="one-bucket-at-least"),
        pytest.param("rate(m[7m])", 27, 1 / 60, id="rate-over-the-rounded-length"),
        pytest.param("increase(m[7m])", 27, 7, id="increase-scaled-to-the-length-asked-for"),
        pytest.param("m", 27, 25, id="newest-of-the-bucket"),
        pytest.param("count_over_time(m[6m])", 67, 6, id="samples-are-there"),
        pytest.param("max_over_time(m[7m])", 67, 67, id="samples-are-there-still"),
    ],
)
def test_windows_are_rounded_to_buckets_where_samples_are_gone(
    expr: str, at_minute: int, expected: float
) -> None:
    storage = RolledStorage(
        stored(every_minute(80)),
        resolution_ms=RESOLUTION_MS,
        raw_from_ms=60 * MINUTE_MS,
        is_raw_gone=True,
    )

    result = Engine().query(expr, at_ms=at_minute * MINUTE_MS, storage=storage)

    assert result.value.values.tolist() == [pytest.approx(expected)]  # type: ignore[union-attr]  # a vector
    assert bool(result.warnings) is (at_minute < 60)


def test_the_warning_says_what_was_done_and_why() -> None:
    storage = RolledStorage(stored(every_minute(80)), resolution_ms=RESOLUTION_MS, is_raw_gone=True)

    result = Engine().query("rate(m[7m])", at_ms=25 * MINUTE_MS, storage=storage)

    assert result.warnings == (
        "PromQL warning: window edges were rounded to 5m, because of the older part of the range "
        "only summaries of 5m are kept, not the raw samples",
    )


def test_windows_that_end_with_buckets_give_no_warning() -> None:
    storage = RolledStorage(stored(every_minute(80)), resolution_ms=RESOLUTION_MS, is_raw_gone=True)

    result = Engine().query("rate(m[10m])", at_ms=25 * MINUTE_MS, storage=storage)

    assert result.warnings == ()
