"""Range query results cut in time, and put together again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.result_cache.matrices import cut, join
from observability.promql import Matrix
from observability.promql.labels import LabelSet, label_set

Points = dict[LabelSet, dict[int, float]]

series = st.sampled_from([label_set({"i": str(number)}) for number in range(5)])
points = st.dictionaries(series, st.dictionaries(st.integers(0, 40), st.floats(), min_size=1))


def matrix(points: Points) -> Matrix:
    """Return the matrix with these points, by series and time."""
    label_sets = sorted(points)
    counts = [len(points[labels]) for labels in label_sets]
    rows = [sorted(points[labels].items()) for labels in label_sets]
    return Matrix(
        label_sets,
        np.append(0, np.cumsum(counts)).astype(np.int64),
        np.array([at for row in rows for at, _ in row], np.int64),
        np.array([value for row in rows for _, value in row], np.float64),
    )


def contents(matrix: Matrix) -> list[tuple[LabelSet, list[int], bytes]]:
    return [(labels, times.tolist(), values.tobytes()) for labels, times, values in matrix.series()]


@given(points, st.lists(st.integers(0, 40), max_size=4))
def test_parts_of_a_matrix_make_it_up_again(points: Points, bounds: list[int]) -> None:
    whole = matrix(points)
    edges = [-1, *sorted(bounds), 40]

    parts = [cut(whole, first + 1, last) for first, last in pairwise(edges)]

    assert contents(join(parts)) == contents(whole)


@given(points, st.integers(0, 40), st.integers(0, 40))
def test_a_part_has_what_lies_within_its_times(points: Points, first: int, last: int) -> None:
    part = cut(matrix(points), first, last)

    expected = {
        labels: inside
        for labels, row in points.items()
        if (inside := {at: value for at, value in row.items() if first <= at <= last})
    }
    assert contents(part) == contents(matrix(expected))
