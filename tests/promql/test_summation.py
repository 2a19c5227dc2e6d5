import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql.summation import increment, sum_runs

NUMBERS = st.floats(min_value=-1e15, max_value=1e15)


@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=20), min_size=1, max_size=5))
def test_each_run_of_values_is_summed_as_if_without_rounding(runs: list[list[float]]) -> None:
    values = np.array([value for run in runs for value in run])
    starts = np.cumsum([0, *map(len, runs[:-1])])

    sums = sum_runs(values, starts)

    exact = [math.fsum(run) for run in runs]
    assert sums.tolist() == pytest.approx(exact, rel=1e-12, abs=1e-12)


def test_infinity_stays_infinite() -> None:
    total, lost = increment(math.inf, 0.0, 1.0)

    assert total + lost == math.inf
