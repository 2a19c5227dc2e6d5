"""Runs of samples put together to one block."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.store.assembly import Runs, assemble
from observability.metrics.store.columns import places_and_rows
from observability.metrics.store.paging import decode_directory
from observability.metrics.store.segment import decode_runs, encode, find
from tests.metrics.store.samples import Row, any_float, columns_of, contents, settled

SERIES = [3, 5, 2**40, 2**61]
parts_of_rows = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([*SERIES, 4]),
            st.one_of(st.integers(0, 20), st.integers(-(2**50), 2**50)),
            any_float,
        ),
        max_size=30,
    ),
    max_size=5,
)


def runs_of(rows: list[Row]) -> Runs:
    """Return the runs of a write in which series may have several samples of one time."""
    rows = sorted((row for row in rows if row[0] in SERIES), key=lambda row: row[:2])
    sizes = [(series, len(list(group))) for series, group in groupby(rows, key=lambda row: row[0])]
    counts = np.array([size for _, size in sizes], np.int64)
    starts = np.cumsum(counts) - counts
    return Runs(
        places=np.array([SERIES.index(series) for series, _ in sizes], np.int64),
        first_times=starts,
        first_values=starts,
        counts=counts,
        timestamps_ms=np.array([row[1] for row in rows], np.int64),
        values=np.array([row[2] for row in rows], np.float64),
        is_strict=len({row[:2] for row in rows}) == len(rows),
    )


def pages_of(rows: list[Row], wanted: np.ndarray) -> list[Runs]:
    """Return the runs of a segment, whose series may share their times."""
    if not rows:
        return []
    encoded = encode(columns_of(rows))
    directory = decode_directory(encoded.directory)
    found = find(directory, wanted)
    data = [encoded.data[slice(*directory.byte_range(page))] for page in found.pages.tolist()]
    return list(decode_runs(directory, found, data))


@given(parts_of_rows, parts_of_rows, st.integers(-5, 20), st.integers(0, 30))
def test_each_time_in_the_range_is_there_once(
    writes: list[list[Row]], segments: list[list[Row]], start_ms: int, length_ms: int
) -> None:
    wanted = np.array(SERIES)
    end_ms = start_ms + length_ms

    runs = [part for rows in segments for part in pages_of(rows, wanted)]
    runs += [runs_of(rows) for rows in writes]
    found = assemble(runs, wanted, start_ms, end_ms)

    rows = (row for part in writes + segments for row in part if row[0] in SERIES)
    assert contents(found) == [row for row in settled(rows) if start_ms <= row[1] <= end_ms]
    assert (found.counts > 0).all()


@given(parts_of_rows)
def test_pages_that_follow_each_other_need_no_sorting_and_stay_whole(
    segments: list[list[Row]],
) -> None:
    wanted = np.array(SERIES)
    later = [
        [(series, number * 2**52 + at, value) for series, at, value in rows]
        for number, rows in enumerate(segments)
    ]

    runs = [part for rows in later for part in pages_of(rows, wanted)]
    found = assemble(runs[::-1], wanted, -(2**60), 2**60)

    rows = [row for part in later for row in part if row[0] in SERIES]
    assert contents(found) == settled(rows)
    places, _ = places_and_rows(wanted, found.series_ids)
    assert len(places) == len(found.series_ids)
