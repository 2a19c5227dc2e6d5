import pytest

from observability.promql import Matrix, PromQLError

from .queries import ask, instant

COUNTER = {"hits_total": "0 10 20 5 15 25"}


@pytest.mark.parametrize(
    ("expr", "minutes", "expected"),
    [
        ("increase(hits_total[2m] anchored)", 2, 20),
        ("increase(hits_total[2m] anchored)", 2.5, 20),
        ("increase(hits_total[2m] smoothed)", 2.5, 17.5),
        ("increase(hits_total[2m] anchored)", 4, 15),
        ("delta(hits_total[2m] anchored)", 4, -5),
        ("rate(hits_total[2m] smoothed)", 2, 20 / 120),
        ("resets(hits_total[1m] anchored)", 3, 1),
        ("changes(hits_total[1m] anchored)", 3, 1),
        ("hits_total smoothed", 0.5, 5),
        ("hits_total smoothed", 5.5, 25),
        ("hits_total anchored", 0.5, 0),
    ],
)
def test_edges_have_values_of_their_own(expr: str, minutes: float, expected: float) -> None:
    assert list(instant(expr, COUNTER, minutes=minutes).values()) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("hits_total[1m] anchored", [(30_000, 0), (60_000, 10), (90_000, 10)]),
        ("hits_total[1m] smoothed", [(30_000, 5), (60_000, 10), (90_000, 15)]),
        ("nothing[1m] anchored", None),
    ],
)
def test_a_range_vector_shows_its_edges(
    expr: str, expected: list[tuple[int, float]] | None
) -> None:
    value = ask(expr, COUNTER, minutes=1.5).value

    assert isinstance(value, Matrix)
    points = [
        list(zip(times.tolist(), values.tolist(), strict=True))
        for _, times, values in value.series()
    ]
    assert points == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (
            "sum_over_time(hits_total[1m] anchored)",
            "anchored modifier can only be used with: changes, delta, increase, rate, resets"
            " - not with sum_over_time",
        ),
        (
            "resets(hits_total[1m] smoothed)",
            "smoothed modifier can only be used with: delta, increase, rate - not with resets",
        ),
        (
            "predict_linear(hits_total[1m] smoothed, 1)",
            "smoothed modifier can only be used with: delta, increase, rate"
            " - not with predict_linear",
        ),
    ],
)
def test_other_functions_are_refused(expr: str, message: str) -> None:
    with pytest.raises(PromQLError) as caught:
        instant(expr, COUNTER)

    assert str(caught.value) == message
