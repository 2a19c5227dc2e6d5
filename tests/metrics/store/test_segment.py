"""The codec of segments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.store.columns import SeriesColumns, merge
from observability.metrics.store.paging import Encoded, decode_directory
from observability.metrics.store.segment import decode_page, encode
from tests.metrics.store.samples import any_float, columns_of, contents


def decode(segment: Encoded) -> SeriesColumns:
    directory = decode_directory(segment.directory)
    pages = range((len(directory.series_ids) - 1) // directory.series_per_page + 1)
    return merge(
        [
            decode_page(directory, page, segment.data[slice(*directory.byte_range(page))])
            for page in pages
        ]
    ).columns


def scraped(series_count: int, times: list[list[int]]) -> SeriesColumns:
    """Return series of which each has the times of the next of several scrapes."""
    return columns_of(
        (series_id, at, float(series_id * at))
        for series_id in range(1, series_count + 1)
        for at in times[series_id % len(times)]
    )


@given(
    st.lists(
        st.tuples(st.integers(1, 2**62), st.integers(-(2**53), 2**53), any_float),
        min_size=1,
        max_size=200,
    )
)
def test_a_segment_is_decoded_bit_for_bit(rows: list[tuple[int, int, float]]) -> None:
    columns = columns_of(rows)

    decoded = decode(encode(columns))

    assert contents(decoded) == contents(columns)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([[10, 20, 30]], id="all-alike"),
        pytest.param([[10, 20, 30], [11, 21, 31]], id="two-scrapes"),
        pytest.param([[10, 20, 30], [10, 20], [20]], id="different-lengths"),
        pytest.param([[10], [20]], id="one-sample-each"),
    ],
)
def test_series_that_share_timestamps_are_told_apart(times: list[list[int]]) -> None:
    columns = scraped(600, times)

    decoded = decode(encode(columns))

    assert contents(decoded) == contents(columns)


def test_shared_timestamps_are_kept_once() -> None:
    jittered = np.cumsum(np.random.default_rng(1).integers(14_990, 15_010, 480)).tolist()

    alone, shared = (
        decode_directory(encode(scraped(count, [jittered])).directory) for count in (1, 32)
    )

    assert shared.bounds[1] == alone.bounds[1]


def test_one_series_costs_one_page() -> None:
    columns = scraped(1000, [list(range(0, 7_200_000, 15_000))])
    directory = decode_directory(encode(columns).directory)

    pages = directory.pages_of(np.array([0, 500, 5000], np.int64))

    assert len(pages) == 1
    start, end = directory.byte_range(int(pages[0]))
    assert end - start < directory.bounds[-1] / 25


def test_a_segment_of_a_newer_layout_is_refused() -> None:
    directory = encode(columns_of([(1, 2, 3.0)])).directory

    with pytest.raises(ValueError, match="layout 9"):
        decode_directory(b"\x09" + directory[1:])
