"""Windows of Prometheus 2 have their left edge, those of 3 do not."""

import pytest

from observability.promql import Engine, InstantVector, Matrix

from .queries import MINUTE_MS, storage_of

SERIES = {"hits_total": "0+60x4 _x20", "gone": "1 _x30"}


@pytest.mark.parametrize(
    ("expr", "minute", "in_2", "in_3"),
    [
        pytest.param("count_over_time(hits_total[2m])", 4, [3], [2], id="range"),
        pytest.param("count_over_time(hits_total[2m] offset 1m)", 4, [3], [2], id="offset"),
        pytest.param("increase(hits_total[2m])", 4, [120], [120], id="extrapolated-to-the-range"),
        pytest.param("rate(hits_total[1m])", 4, [1], [], id="rate-of-two"),
        pytest.param("gone", 5, [1], [], id="look-back"),
        pytest.param("gone", 6, [], [], id="beyond-the-look-back"),
        pytest.param("count_over_time(gone[6m:1m])", 6, [6], [4], id="look-back-in-a-subquery"),
        pytest.param("count_over_time(vector(1)[4m:2m])", 8, [3], [2], id="subquery"),
        pytest.param("count_over_time(vector(1)[4m:3m])", 8, [1], [1], id="subquery-off-the-edge"),
    ],
)
def test_what_lies_on_the_left_edge_is_inside_in_2_and_outside_in_3(
    expr: str, minute: int, in_2: list[float], in_3: list[float]
) -> None:
    storage, at_ms = storage_of(SERIES), minute * MINUTE_MS

    old, new = (
        Engine(compat=compat).query(expr, at_ms=at_ms, storage=storage).value for compat in (2, 3)
    )

    assert isinstance(old, InstantVector)
    assert isinstance(new, InstantVector)
    assert (old.values.tolist(), new.values.tolist()) == (in_2, in_3)


def test_a_range_query_has_the_edges_at_every_step() -> None:
    value = (
        Engine(compat=2)
        .query_range(
            "count_over_time(hits_total[2m])",
            start_ms=0,
            end_ms=6 * MINUTE_MS,
            step_ms=MINUTE_MS,
            storage=storage_of(SERIES),
        )
        .value
    )

    assert isinstance(value, Matrix)
    assert value.values.tolist() == [1, 2, 3, 3, 3, 2, 1]
