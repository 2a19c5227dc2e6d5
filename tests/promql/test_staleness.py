import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql.staleness import (
    STALE_NAN,
    STALE_NAN_BITS,
    is_stale,
    positions,
    select_instant,
    without_stale_markers,
)
from observability.promql.storage import SeriesBlock

from .bits import bits_of


def block_of(*series: list[tuple[int, float]]) -> SeriesBlock:
    flat = [sample for samples in series for sample in samples]
    return SeriesBlock(
        label_sets=[(("i", str(i)),) for i in range(len(series))],
        offsets=np.cumsum([0, *map(len, series)]),
        timestamps_ms=np.array([time for time, _ in flat], dtype=np.int64),
        values=np.array([value for _, value in flat], dtype=np.float64),
    )


@pytest.mark.parametrize(
    ("at_ms", "expected"),
    [
        (999, None),
        (1000, 1),
        (1299, 1),
        (1300, None),
        (2000, 2),
        (2150, None),
        (3000, 3),
        (3299, 3),
    ],
)
def test_a_sample_is_seen_until_the_lookback_has_passed(at_ms: int, expected: float | None) -> None:
    block = block_of([(1000, 1.0), (2000, 2.0), (2150, STALE_NAN), (3000, 3.0)])

    chosen = select_instant(block, np.array([at_ms]), lookback_ms=300)

    seen = chosen.values[0, 0] if chosen.present[0, 0] else None
    assert seen == expected


def test_only_the_stale_marker_is_stale() -> None:
    values = np.array([STALE_NAN, math.nan, 1.0])

    assert is_stale(values).tolist() == [True, False, False]
    assert bits_of(STALE_NAN) == STALE_NAN_BITS


def test_series_without_samples_show_nothing() -> None:
    block = block_of([], [(5, 1.0)], [])

    chosen = select_instant(block, np.array([5, 6]), lookback_ms=10)

    assert chosen.present.tolist() == [[False, False], [True, True], [False, False]]


def test_a_block_without_samples_shows_nothing() -> None:
    chosen = select_instant(block_of([], []), np.array([5]), lookback_ms=10)

    assert not chosen.present.any()


def test_windows_do_not_see_stale_markers() -> None:
    block = without_stale_markers(
        block_of([(1, STALE_NAN), (2, 2.0)], [(3, STALE_NAN)], [(4, 4.0)])
    )

    assert block.offsets.tolist() == [0, 1, 1, 2]
    assert block.values.tolist() == [2.0, 4.0]


TIMES = st.one_of(st.integers(-50, 50), st.sampled_from([-(2**61), 2**61]))


@given(
    st.lists(st.lists(TIMES, unique=True).map(sorted), max_size=5),
    st.lists(TIMES, max_size=5),
)
def test_all_series_are_searched_as_if_one_by_one(
    series: list[list[int]], at_ms: list[int]
) -> None:
    block = block_of(*([(time, 0.0) for time in times] for times in series))

    found = positions(block.offsets, block.timestamps_ms, np.array(at_ms, dtype=np.int64))

    for row, times in enumerate(series):
        start = int(block.offsets[row])
        assert found[row].tolist() == [start + sum(time <= at for time in times) for at in at_ms]
