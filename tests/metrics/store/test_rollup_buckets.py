"""Buckets: however they are made, folded, joined and kept, they say the same of their samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.store.paging import decode_directory
from observability.metrics.store.rollups import codec
from observability.metrics.store.rollups.buckets import (
    Buckets,
    fold,
    fuller,
    join,
    of_samples,
    of_series,
    where,
)
from observability.metrics.store.rollups.resolutions import FIVE_MINUTES_MS, HOUR_MS
from observability.promql.staleness import STALE_NAN
from observability.promql.storage import RollupColumn
from tests.metrics.store.samples import Row, columns_of

values = st.sampled_from([0.0, 1.0, 2.5, -3.25, 1e9, math.inf, -math.inf, math.nan, STALE_NAN])
times = st.integers(-HOUR_MS, 3 * HOUR_MS) | st.integers(-12, 36).map(lambda n: n * FIVE_MINUTES_MS)
rows = st.lists(st.tuples(st.integers(1, 4), times, values), min_size=1, max_size=80)


def buckets_of(rows: list[Row], resolution_ms: int = FIVE_MINUTES_MS) -> Buckets:
    return fold(of_samples(columns_of(rows)), resolution_ms)


def said(buckets: Buckets) -> dict[str, list[object]]:
    """Return all that buckets say, NaN as a word, as it is not equal to itself."""
    columns = {name.value: buckets.columns[name] for name in RollupColumn}
    return {
        "series": buckets.series_ids[buckets.rows].tolist(),
        "end": buckets.ends_ms.tolist(),
        "count": buckets.counts.tolist(),
        **{
            name: ["NaN" if value != value else value for value in column.tolist()]
            for name, column in columns.items()
        },
    }


def assert_same(found: Buckets, expected: Buckets) -> None:
    left, right = said(found), said(expected)
    for name in (RollupColumn.SUM.value, RollupColumn.LOST.value):
        np.testing.assert_allclose(
            np.array(left.pop(name), np.float64), np.array(right.pop(name), np.float64), rtol=1e-12
        )
    assert left == right


@given(rows)
def test_hours_are_the_same_from_samples_and_from_five_minutes(given_rows: list[Row]) -> None:
    direct = buckets_of(given_rows, HOUR_MS)

    assert_same(fold(buckets_of(given_rows), HOUR_MS), direct)


@given(rows)
def test_columns_are_folded_without_the_others(given_rows: list[Row]) -> None:
    wanted = {RollupColumn.MAX, RollupColumn.FIRST_MS}

    folded = fold(of_samples(columns_of(given_rows), wanted), HOUR_MS)

    whole = buckets_of(given_rows, HOUR_MS)
    assert folded.columns.keys() == wanted
    for name in wanted:
        np.testing.assert_array_equal(folded.columns[name], whole.columns[name])


@given(rows)
def test_buckets_are_decoded_as_they_were_encoded(given_rows: list[Row]) -> None:
    buckets = buckets_of(given_rows)
    encoded = codec.encode(buckets)
    directory = decode_directory(encoded.directory)

    decoded = codec.decode_page(directory, 0, encoded.data)

    assert said(decoded) == said(buckets)


def test_a_column_is_decoded_without_the_others() -> None:
    buckets = buckets_of([(series, at, 1.0 * at) for series in range(1, 9) for at in range(400)])
    encoded = codec.encode(buckets)
    directory = decode_directory(encoded.directory)

    decoded = codec.decode_page(directory, 0, encoded.data, {RollupColumn.MAX})

    assert decoded.columns.keys() == {RollupColumn.MAX}
    assert decoded.columns[RollupColumn.MAX].tolist() == (
        buckets.columns[RollupColumn.MAX].tolist()
    )


@given(rows, st.integers(-6, 30))
def test_parts_in_any_order_are_joined_to_the_whole(given_rows: list[Row], cut: int) -> None:
    buckets = buckets_of(given_rows)
    is_later = buckets.ends_ms > cut * FIVE_MINUTES_MS

    joined = join([where(buckets, is_later), where(buckets, ~is_later)])

    assert said(joined) == said(buckets)


@given(rows)
def test_buckets_of_some_series_are_theirs_alone(given_rows: list[Row]) -> None:
    some = of_series(buckets_of(given_rows), np.array([2, 3, 9]))

    alone = [row for row in given_rows if row[0] in (2, 3)]
    assert said(some) == (said(buckets_of(alone)) if alone else said(where(some, some.counts < 0)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param([1, 2], [1, 2, 3], [3], id="late-sample-comes-in"),
        pytest.param([1, 2], [3], [2], id="samples-that-are-gone-stay"),
        pytest.param([1], [301], [1, 1], id="both-where-they-do-not-meet"),
        pytest.param([], [1], [1], id="nothing-before"),
        pytest.param([1], [], [1], id="nothing-left"),
    ],
)
def test_the_fuller_bucket_stays(old: list[int], new: list[int], expected: list[int]) -> None:
    before, after = (buckets_of([(1, at * 1000, 1.0) for at in times]) for times in (old, new))

    assert fuller(before, after).counts.tolist() == expected


def test_of_equally_full_buckets_the_new_one_stays() -> None:
    kept = fuller(buckets_of([(1, 1000, 5.0)]), buckets_of([(1, 1000, 6.0)]))

    assert kept.columns[RollupColumn.SUM].tolist() == [6.0]


def test_a_stale_marker_counts_only_where_it_is_the_newest() -> None:
    marker = [(1, 2000, STALE_NAN), (1, FIVE_MINUTES_MS + 1, STALE_NAN)]

    buckets = buckets_of([(1, 1000, 5.0), *marker, (1, 3000, 6.0)])

    assert list(zip(buckets.ends_ms.tolist(), buckets.counts.tolist(), strict=True)) == [
        (FIVE_MINUTES_MS, 2),
        (2 * FIVE_MINUTES_MS, 0),
    ]


def test_sums_are_compensated() -> None:
    buckets = buckets_of([(1, 1, 1e16), (1, 2, 1.0), (1, 3, 1.0), (1, 4, -1e16)])

    assert buckets.columns[RollupColumn.SUM].tolist() == [2.0]
