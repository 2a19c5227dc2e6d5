"""What is kept of a query, as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.result_cache.grid import Grid, Span
from observability.metrics.result_cache.piece import decode, encode, make_piece
from observability.promql.labels import label_set
from tests.metrics.result_cache.test_matrices import Points, contents, matrix
from tests.metrics.store.samples import any_float

labels = st.dictionaries(st.text(min_size=1), st.text(), max_size=3).map(label_set)


@given(
    st.dictionaries(labels, st.dictionaries(st.integers(0, 30), any_float, min_size=1)),
    st.integers(-(2**40), 2**40),
    st.integers(1, 2**40),
)
def test_a_piece_comes_back_bit_for_bit(points: Points, phase_ms: int, step_ms: int) -> None:
    grid = Grid(step_ms, phase_ms)
    value = matrix(
        {
            series: {grid.time_of(number): value for number, value in row.items()}
            for series, row in points.items()
        }
    )

    made = make_piece(value, Span(0, 30), grid, store="s", as_of=7, infos=("i",))
    read = decode(encode(made))

    assert read == made
    assert contents(read.matrix(grid)) == contents(value)


@pytest.mark.parametrize("data", [None, b"", b"\xc1", b"\x93\x01\x02\x03"], ids=repr)
def test_what_is_no_piece_is_none(data: bytes | None) -> None:
    assert decode(data) is None
