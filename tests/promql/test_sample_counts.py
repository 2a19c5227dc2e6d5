"""How many samples queries look at and read, as Prometheus counts them."""

import pytest

from observability.promql import Engine, QueryOptions
from observability.promql.statistics import QueryStatistics

from .queries import MINUTE_MS, storage_of

SERIES = {"one": "1+1x100", 'three{a="1",b="1"}': "1+1x100", 'three{a="2",b="2"}': "1+1x100",
          'three{a="3",b="2"}': "1+1x100", "gappy": "1 _ _ _ _ _ _ _ _ 2"}  # fmt: skip


def statistics(expr: str, *, start: float, end: float | None = None) -> QueryStatistics:
    """Return those of a range query in steps of a minute, or of an instant one."""
    options = QueryOptions(with_statistics=True)
    at_ms = int(start * MINUTE_MS)
    if end is None:
        result = Engine().query(expr, at_ms=at_ms, storage=storage_of(SERIES), options=options)
    else:
        result = Engine().query_range(
            expr,
            start_ms=at_ms,
            end_ms=int(end * MINUTE_MS),
            step_ms=MINUTE_MS,
            storage=storage_of(SERIES),
            options=options,
        )
    assert result.statistics is not None
    return result.statistics


@pytest.mark.parametrize(
    ("expr", "looked_at", "read"),
    [
        ("1 + 1", [0, 0, 0], [0, 0, 0]),
        ("one", [1, 1, 1], [1, 1, 1]),
        ("gappy", [0, 1, 1], [0, 1, 1]),
        ("sum by (b) (three)", [3, 3, 3], [3, 3, 3]),
        ("timestamp(three)", [3, 3, 3], [3, 3, 3]),
        ("one + on () one", [2, 2, 2], [2, 2, 2]),
        ("one @ 60", [1, 1, 1], [1, 0, 0]),
        ("rate(three[4m])", [12, 12, 12], [12, 3, 3]),
        ("count_over_time(one[90s])", [2, 2, 2], [2, 1, 1]),
        ("absent_over_time(one[2m])", [2, 2, 2], [2, 1, 1]),
        ("predict_linear(one[3m] @ 300, 60)", [3, 3, 3], [3, 0, 0]),
        ("sum(max_over_time(three[3m] @ 300))", [9, 9, 9], [9, 0, 0]),
        ("max_over_time(one[2m:1m])", [2, 2, 2], [2, 1, 1]),
        ("max_over_time(rate(one[2m])[3m:1m])", [3, 3, 3], [4, 1, 1]),
        ("max_over_time(one[1m:30s] offset 1m)", [2, 2, 2], [2, 2, 2]),
        ("max_over_time(one[10m:4m])", [3, 3, 2], [3, 0, 0]),
        ("max_over_time(one[2m:1m] @ 300)", [2, 2, 2], [2, 0, 0]),
    ],
)
def test_samples_of_a_range_query_count_by_step(
    expr: str, looked_at: list[int], read: list[int]
) -> None:
    found = statistics(expr, start=8, end=10)

    assert found.samples_per_step.tolist() == looked_at
    assert found.reads_per_step.tolist() == read
    assert found.timestamps_ms.tolist() == [8 * MINUTE_MS, 9 * MINUTE_MS, 10 * MINUTE_MS]
    assert (found.total_samples, found.samples_read) == (sum(looked_at), sum(read))


@pytest.mark.parametrize(
    ("expr", "looked_at", "read"),
    [
        ('"text"', 0, 0),
        ("three", 3, 3),
        ("three[5m]", 15, 15),
        ("one[5m:1m]", 5, 5),
        ("max_over_time(three[4m])[3m:1m]", 36, 18),
    ],
)
def test_samples_of_an_instant_query(expr: str, looked_at: int, read: int) -> None:
    found = statistics(expr, start=8)

    assert (found.total_samples, found.samples_read) == (looked_at, read)


def test_what_falls_between_the_windows_of_a_subquery_was_not_read_for_it() -> None:
    options = QueryOptions(with_statistics=True)

    found = Engine().query_range(
        "max_over_time(one[1m:1m])",
        start_ms=10 * MINUTE_MS,
        end_ms=30 * MINUTE_MS,
        step_ms=10 * MINUTE_MS,
        storage=storage_of(SERIES),
        options=options,
    )

    assert found.statistics is not None
    assert found.statistics.reads_per_step.tolist() == [1, 1, 1]


def test_a_query_tells_how_long_it_took_and_how_much_it_held() -> None:
    found = statistics("sum(rate(three[4m]))", start=8, end=10)

    assert found.evaluation_seconds > 0
    assert found.total_seconds >= found.evaluation_seconds
    assert found.peak_samples >= 12


def test_nothing_is_counted_unless_it_is_asked_for() -> None:
    result = Engine().query("one", at_ms=0, storage=storage_of(SERIES))

    assert result.statistics is None
    assert result.explanation is None
