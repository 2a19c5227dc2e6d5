"""What ends a query before its answer, in Prometheus's words."""

import pytest

from observability.promql import Engine, Limits, Matrix, MemoryStorage, PromQLError, QueryOptions

MINUTE_MS = 60_000


def storage_of_many(series_count: int = 10, sample_count: int = 20) -> MemoryStorage:
    storage = MemoryStorage(series_per_block=2)
    for n in range(series_count):
        samples = [(i * MINUTE_MS, float(i)) for i in range(sample_count)]
        storage.add({"__name__": "x", "n": str(n)}, samples)
    return storage


def ask(
    expr: str, *, limits: Limits, steps: int = 5, step_ms: int = MINUTE_MS, at_ms: int = 0
) -> Matrix:
    value = (
        Engine()
        .query_range(
            expr,
            start_ms=at_ms,
            end_ms=at_ms + (steps - 1) * step_ms,
            step_ms=step_ms,
            storage=storage_of_many(),
            options=QueryOptions(limits=limits),
        )
        .value
    )
    assert isinstance(value, Matrix)
    return value


def test_samples_count_while_they_are_held_however_many_are_read() -> None:
    found = ask("sum(sum_over_time(x[20m]))", limits=Limits(max_samples=50), at_ms=15 * MINUTE_MS)

    assert found.values.tolist() == [1200, 1360, 1530, 1710, 1900]


@pytest.mark.parametrize(
    "expr",
    ["sum_over_time(x[20m])", "x", "x + x", "sum_over_time(x[20m:1m])", "topk(10, x)"],
    ids=["samples-of-a-block", "points", "both-sides", "points-of-a-subquery", "kept"],
)
def test_more_samples_at_once_are_refused(expr: str) -> None:
    with pytest.raises(PromQLError) as caught:
        ask(expr, limits=Limits(max_samples=30), at_ms=15 * MINUTE_MS)

    assert caught.value.kind == "execution"
    assert str(caught.value) == (
        "query processing would load too many samples into memory in query execution"
    )


def test_a_range_has_11000_steps_and_one_more() -> None:
    found = ask("vector(1)", limits=Limits(), steps=11_001, step_ms=1)

    assert len(found.values) == 11_001
    with pytest.raises(PromQLError) as caught:
        ask("vector(1)", limits=Limits(), steps=11_002, step_ms=1)
    assert caught.value.kind == "bad_data"
    assert str(caught.value) == (
        "exceeded maximum resolution of 11,000 points per timeseries. "
        "Try decreasing the query resolution (?step=XX)"
    )


def test_a_query_ends_when_its_time_is_over() -> None:
    with pytest.raises(PromQLError) as caught:
        ask("x", limits=Limits(timeout_seconds=-1))

    assert caught.value.kind == "timeout"
    assert str(caught.value) == "query timed out in expression evaluation"


def test_a_query_ends_when_its_caller_leaves_between_two_blocks() -> None:
    asked: list[int] = []

    def has_left() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(PromQLError) as caught:
        Engine().query(
            "x", at_ms=0, storage=storage_of_many(), options=QueryOptions(is_canceled=has_left)
        )

    assert caught.value.kind == "canceled"
    assert len(asked) == 3


def test_a_subquery_of_many_steps_is_refused_before_its_missing_points_fill_the_memory() -> None:
    with pytest.raises(PromQLError, match="too many samples"):
        ask("max_over_time(x[20d:1s])", limits=Limits(max_samples=1_800_000), steps=1)


def test_missing_points_of_few_series_count_little() -> None:
    found = ask("max_over_time(x[1h:1s])", limits=Limits(max_samples=100_000), steps=1)

    assert len(found.label_sets) == 10
