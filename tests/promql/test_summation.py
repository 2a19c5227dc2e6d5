import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql.summation import sum_segments, zero_sum

NUMBERS = st.floats(min_value=-1e15, max_value=1e15)


@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=20), min_size=1, max_size=5))
def test_each_run_of_rows_is_summed_as_if_without_rounding(runs: list[list[float]]) -> None:
    values = np.array([[value] for run in runs for value in run])
    starts = np.cumsum([0, *map(len, runs[:-1])])

    sums = sum_segments(values, starts)

    exact = [math.fsum(run) for run in runs]
    assert sums.value[:, 0].tolist() == pytest.approx(exact, rel=1e-12, abs=1e-12)


def test_infinity_stays_infinite() -> None:
    with np.errstate(invalid="ignore"):
        total = zero_sum((1,)).add(np.array([math.inf])).add(np.array([1.0]))

    assert total.value.tolist() == [math.inf]
