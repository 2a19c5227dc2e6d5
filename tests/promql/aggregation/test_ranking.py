import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql import PromQLError
from observability.promql.aggregation.ranking import Ranking
from observability.promql.limits import Account, Limits
from tests.promql.queries import instant, over_minutes

CPU = {
    'cpu{i="1",job="a"}': "1x3",
    'cpu{i="2",job="a"}': "3 2 1 0",
    'cpu{i="3",job="a"}': "NaNx3",
    'cpu{i="4",job="b"}': "2x3",
}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("topk(2, cpu)", ['cpu{i="2",job="a"}', 'cpu{i="4",job="b"}']),
        ("bottomk(2, cpu)", ['cpu{i="1",job="a"}', 'cpu{i="4",job="b"}']),
        ("topk by (job) (1, cpu)", ['cpu{i="2",job="a"}', 'cpu{i="4",job="b"}']),
        (
            "bottomk(9, cpu)",
            [
                'cpu{i="1",job="a"}',
                'cpu{i="4",job="b"}',
                'cpu{i="2",job="a"}',
                'cpu{i="3",job="a"}',
            ],
        ),
        ("topk(0.9, cpu)", []),
        ("topk(-1, cpu)", []),
    ],
)
def test_series_of_a_group_come_in_the_order_of_their_rank(expr: str, expected: list[str]) -> None:
    assert list(instant(expr, CPU)) == expected


def test_each_step_has_a_ranking_of_its_own() -> None:
    values = over_minutes('topk(1, cpu{i=~"[12]"})', CPU, minutes=3)

    assert values == {'cpu{i="2",job="a"}': {0: 3, 1: 2}, 'cpu{i="1",job="a"}': {2: 1, 3: 1}}


def test_the_parameter_may_change_from_step_to_step() -> None:
    counts = over_minutes("count(topk(scalar(k), cpu))", {**CPU, "k": "0 1 2 7"}, minutes=3)

    assert counts == {"": {1: 1, 2: 2, 3: 4}}


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        ("topk(NaN, cpu)", "^Parameter value is NaN$"),
        ("bottomk(scalar(nothing), cpu)", "^Parameter value is NaN$"),
        ("limitk(NaN, cpu)", "^Parameter value is NaN$"),
        ("topk(9.3e18, cpu)", r"^Scalar value 9\.3e\+18 overflows int64$"),
        ("topk(Inf, cpu)", r"^Scalar value \+Inf overflows int64$"),
    ],
)
def test_a_parameter_that_is_no_count_is_an_error(expr: str, message: str) -> None:
    with pytest.raises(PromQLError, match=message) as caught:
        instant(expr, CPU)

    assert caught.value.kind == "execution"


VALUES = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -1.5, 1.0, 2.0, 3.0])


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.lists(st.none() | VALUES, min_size=3, max_size=3)),
        max_size=20,
    ),
    limits=st.lists(st.integers(0, 5), min_size=3, max_size=3),
    block_size=st.integers(1, 7),
)
def test_the_ranking_of_blocks_is_that_of_all_rows_sorted(
    rows: list[tuple[int, list[float | None]]], limits: list[int], block_size: int
) -> None:
    ranking = Ranking(np.array(limits, dtype=np.int64), Account(Limits()))

    for start in range(0, len(rows), block_size):
        part = rows[start : start + block_size]
        groups = np.array([group for group, _ in part], dtype=np.int64)
        cells = [[math.nan if v is None else v for v in values] for _, values in part]
        present = np.array([[v is not None for v in values] for _, values in part])
        ranking.make_room(np.bincount(groups, minlength=3))
        ranking.offer(np.array(cells), present, groups, start)
    got = {
        (row, step): value
        for block_rows, values, present in ranking.series()
        for row, row_values, row_present in zip(
            block_rows.tolist(), values.tolist(), present.tolist(), strict=True
        )
        for step, value in enumerate(row_values)
        if row_present[step]
    }

    expected = {}
    for step, limit in enumerate(limits):
        for group in range(3):
            candidates = [
                (math.isnan(value), -value if value == value else 0, row, value)
                for row, (row_group, values) in enumerate(rows)
                if row_group == group and (value := values[step]) is not None
            ]
            for _, _, row, value in sorted(candidates, key=lambda candidate: candidate[:3])[:limit]:
                expected[row, step] = value
    assert got == pytest.approx(expected, nan_ok=True)
