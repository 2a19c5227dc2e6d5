"""Samples series by series: sorted, merged, cut."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.store.columns import arrange, merge, restrict
from tests.metrics.store.samples import any_float, columns_of, contents, log_samples, settled

rows = st.lists(
    st.tuples(
        st.one_of(st.integers(1, 5), st.just(2**61)),
        st.one_of(st.integers(0, 9), st.integers(-(2**53), 2**53)),
        st.one_of(any_float, st.sampled_from([1.0, -1.0])),
    ),
    max_size=60,
)


@given(rows)
def test_samples_in_any_order_are_arranged_once(given_rows: list[tuple[int, int, float]]) -> None:
    columns = columns_of(given_rows)

    assert contents(columns) == settled(given_rows)


@given(st.lists(rows, max_size=5))
def test_merged_parts_hold_what_they_held_together(
    parts: list[list[tuple[int, int, float]]],
) -> None:
    merged = merge([columns_of(part) for part in parts])

    assert contents(merged.columns) == settled(row for part in parts for row in part)


@given(rows, st.sets(st.integers(0, 6)))
def test_a_cut_holds_only_the_series_that_are_asked_for(
    given_rows: list[tuple[int, int, float]], wanted: set[int]
) -> None:
    columns = columns_of(given_rows)

    cut = restrict(columns, np.array(sorted(wanted), np.int64))

    assert contents(cut) == [row for row in settled(given_rows) if row[0] in wanted]
    assert (cut.counts > 0).all()


def test_only_different_values_of_one_time_are_conflicts() -> None:
    samples = log_samples([(1, 10, 1.0), (1, 10, 1.0), (1, 20, 1.0), (1, 20, 2.0), (2, 20, 3.0)])

    merged = arrange(samples.series_ids, samples.timestamps_ms, samples.values)

    assert merged.conflicts == 1
    assert merged.columns.values.tolist() == [1.0, 2.0, 3.0]
