import math

import pytest

from observability.promql import (
    Engine,
    InstantVector,
    Limits,
    Matrix,
    MemoryStorage,
    PromQLError,
    QueryOptions,
    Scalar,
    String,
)
from observability.promql.functions import SCALAR_FUNCTIONS, VECTOR_FUNCTIONS
from observability.promql.signatures import SIGNATURES

from .notation import samples

MINUTE_MS = 60_000


def storage_of(*series: tuple[dict[str, str], str]) -> MemoryStorage:
    storage = MemoryStorage(series_per_block=2)
    for labels, notation in series:
        storage.add(labels, samples(notation, MINUTE_MS))
    return storage


def instant(expr: str, storage: MemoryStorage, minutes: float = 10) -> dict[str, float] | float:
    """Return the value: of a vector, by the value of label `i` and the metric name."""
    value = Engine().query(expr, at_ms=int(minutes * MINUTE_MS), storage=storage).value
    if isinstance(value, Scalar):
        return value.value
    assert isinstance(value, InstantVector)
    return {
        dict(labels).get("__name__", "") + dict(labels).get("i", ""): number
        for labels, number in value.samples()
    }


CPU = (
    ({"__name__": "cpu", "i": "1", "job": "a"}, "1x20"),
    ({"__name__": "cpu", "i": "2", "job": "a"}, "2x20"),
    ({"__name__": "cpu", "i": "3", "job": "b"}, "NaNx20"),
    ({"__name__": "hits_total", "i": "1", "job": "a"}, "0+60x20"),
    ({"__name__": "hits_total", "i": "2", "job": "a"}, "0+60x5 0+60x20"),
)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param("1 + 2 * 3 ^ 2", 19.0, id="precedence"),
        pytest.param("-7 % 3", -1.0, id="modulo-has-the-sign-of-the-dividend"),
        pytest.param("1 / 0", math.inf, id="division-by-zero"),
        pytest.param("1 > bool 2", 0.0, id="scalars-compare-to-0-or-1"),
        pytest.param("1 atan2 1", math.pi / 4, id="atan2"),
        pytest.param("time()", 600.0, id="time"),
        pytest.param('cpu{i="1"}', {"cpu1": 1}, id="equal"),
        pytest.param('cpu{i!="1",job="a"}', {"cpu2": 2}, id="not-equal"),
        pytest.param('cpu{i=~"[12]"}', {"cpu1": 1, "cpu2": 2}, id="regex"),
        pytest.param(
            '{__name__=~".+",i!~"[23]",job="a"}', {"cpu1": 1, "hits_total1": 600}, id="nameless"
        ),
        pytest.param("cpu > 1", {"cpu2": 2}, id="comparison-keeps-value-and-name"),
        pytest.param("1 < cpu", {"cpu2": 2}, id="comparison-keeps-the-vector's-value-on-the-right"),
        pytest.param("cpu > bool 1", {"1": 0, "2": 1, "3": 0}, id="bool-drops-the-name"),
        pytest.param('cpu{job="a"} * 10', {"1": 10, "2": 20}, id="arithmetic-drops-the-name"),
        pytest.param('-cpu{job="a"}', {"1": -1, "2": -2}, id="minus-drops-the-name"),
        pytest.param('cpu{job="a"} + cpu', {"1": 2, "2": 4}, id="one-to-one"),
        pytest.param('cpu and cpu{i="2"}', {"cpu2": 2}, id="and"),
        pytest.param('cpu{job="a"} unless cpu{i="2"}', {"cpu1": 1}, id="unless"),
        pytest.param('cpu{i="1"} or cpu{i="2"}', {"cpu1": 1, "cpu2": 2}, id="or"),
        pytest.param('sum(cpu{job="a"})', {"": 3}, id="sum"),
        pytest.param("count(cpu)", {"": 3}, id="count-counts-nan"),
        pytest.param("max(cpu)", {"": 2}, id="max-passes-over-nan"),
        pytest.param("group by (i) (cpu)", {"1": 1, "2": 1, "3": 1}, id="group"),
        pytest.param('avg without (i, job) (cpu{job="a"})', {"": 1.5}, id="without"),
        pytest.param("increase(hits_total[5m])", {"1": 300, "2": 240}, id="increase-over-a-reset"),
        pytest.param("rate(hits_total[5m])", {"1": 1, "2": 0.8}, id="rate"),
        pytest.param('last_over_time(cpu{i="1"}[5m])', {"cpu1": 1}, id="last-keeps-the-name"),
        pytest.param('count_over_time(cpu{i="1"}[5m])', {"1": 5}, id="window-is-open-on-the-left"),
        pytest.param('hits_total{i="1"} offset 4m', {"hits_total1": 360}, id="offset"),
        pytest.param('hits_total{i="1"} @ 120', {"hits_total1": 120}, id="at"),
        pytest.param('hits_total{i="1"} @ end() offset 1m', {"hits_total1": 540}, id="at-end"),
        pytest.param("absent(nothing{i='7'})", {"7": 1}, id="absent-takes-labels-of-the-selector"),
        pytest.param("absent(cpu)", {}, id="absent-of-something"),
        pytest.param('scalar(cpu{i="2"})', 2.0, id="scalar-of-one"),
        pytest.param("vector(3)", {"": 3}, id="vector"),
        pytest.param("nothing", {}, id="nothing-selected"),
        pytest.param("sum(nothing)", {}, id="sum-of-nothing"),
    ],
)
def test_instant_query(expr: str, expected: object) -> None:
    storage = storage_of(*CPU)

    value = instant(expr, storage)

    assert value == pytest.approx(expected)


def test_sum_of_nan_is_nan() -> None:
    storage = storage_of(*CPU)

    value = instant("sum(cpu)", storage)

    assert isinstance(value, dict)
    assert math.isnan(value[""])


def test_sum_keeps_what_rounding_would_lose() -> None:
    numbers = ("1e100", "1", "-1e100", "1")
    storage = storage_of(*(({"__name__": "x", "i": str(i)}, n) for i, n in enumerate(numbers)))

    value = instant("sum(x)", storage, minutes=0)

    assert value == {"": 2}


def test_average_does_not_overflow_where_the_sum_would() -> None:
    storage = storage_of(
        ({"__name__": "x", "i": "1"}, "1.5e308"), ({"__name__": "x", "i": "2"}, "1.7e308")
    )

    value = instant("avg(x)", storage, minutes=0)

    assert value == pytest.approx({"": 1.6e308})


def test_series_that_differ_in_their_dropped_name_alone_are_an_error() -> None:
    storage = storage_of(({"__name__": "x"}, "1"), ({"__name__": "y"}, "2"))

    with pytest.raises(PromQLError, match="same labelset") as caught:
        instant('-{__name__=~"x|y"}', storage, minutes=0)

    assert caught.value.kind == "execution"


def test_series_that_differ_in_their_dropped_name_alone_are_one_when_they_take_turns() -> None:
    storage = storage_of(({"__name__": "x"}, "1 stale"), ({"__name__": "y"}, "_ 2"))

    result = Engine().query_range(
        '-{__name__=~"x|y"}', start_ms=0, end_ms=MINUTE_MS, step_ms=MINUTE_MS, storage=storage
    )

    assert isinstance(result.value, Matrix)
    assert [(labels, v.tolist()) for labels, _, v in result.value.series()] == [((), [-1, -2])]


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        ("x + on(job) x", "found duplicate series for the match group"),
        ("x + on(job) group_left x", "found duplicate series for the match group"),
        ('x + on(job) x{i="1"}', "many-to-one matching must be explicit"),
        (
            'x + on(job) group_left(i) x{i="1"}',
            "grouping labels must ensure unique matches",
        ),
    ],
    ids=["one-to-one", "many-to-one", "implicit-many-to-one", "same-result"],
)
def test_a_match_that_is_not_unique_is_an_error(expr: str, message: str) -> None:
    storage = storage_of(
        ({"__name__": "x", "i": "1", "job": "a"}, "1"),
        ({"__name__": "x", "i": "2", "job": "a"}, "2"),
    )

    with pytest.raises(PromQLError, match=message):
        instant(expr, storage, minutes=0)


def test_group_left_takes_labels_from_the_one_side() -> None:
    storage = storage_of(
        ({"__name__": "x", "i": "1", "job": "a"}, "1"),
        ({"__name__": "x", "i": "2", "job": "a"}, "2"),
        ({"__name__": "info", "job": "a", "version": "9"}, "1"),
    )

    result = Engine().query("x * on(job) group_left(version) info", at_ms=0, storage=storage)

    assert isinstance(result.value, InstantVector)
    assert [dict(labels)["version"] for labels in result.value.label_sets] == ["9", "9"]


def test_string_literal_is_a_string() -> None:
    result = Engine().query("'portal'", at_ms=5, storage=MemoryStorage())

    assert result.value == String(5, "portal")


def test_range_selector_gives_samples_as_they_were_recorded() -> None:
    storage = storage_of(({"__name__": "x"}, "1 2 stale 4"))

    result = Engine().query("x[3m]", at_ms=3 * MINUTE_MS, storage=storage)

    assert isinstance(result.value, Matrix)
    assert result.value.timestamps_ms.tolist() == [MINUTE_MS, 3 * MINUTE_MS]
    assert result.value.values.tolist() == [2, 4]


def test_every_function_of_the_language_is_there() -> None:
    # The times of the query are put in place of these before anything is evaluated.
    fixed = {"start", "end", "range", "step"}

    assert SIGNATURES.keys() == VECTOR_FUNCTIONS.keys() | SCALAR_FUNCTIONS.keys() | fixed


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("cpu + on(i) fill_right(100) limit", {"1": 11, "2": 102}),
        ("cpu + on(i) fill_left(100) limit", {"1": 11, "9": 190}),
        ("cpu + on(i) fill(0) limit", {"1": 11, "2": 2, "9": 90}),
        ("cpu > on(i) fill_right(0) limit", {"2": 2}),
        ("cpu + on(i) fill(7) nothing", {"1": 8, "2": 9}),
        ("nothing + on(i) fill_left(7) limit", {"1": 17, "9": 97}),
        ("cpu * on(job) group_left fill_right(3) nothing", {"1": 3, "2": 6}),
        ("nothing + fill(1) nothing", {}),
    ],
)
def test_a_value_stands_in_for_a_missing_partner(expr: str, expected: dict[str, float]) -> None:
    storage = storage_of(
        ({"__name__": "cpu", "i": "1", "job": "a"}, "1"),
        ({"__name__": "cpu", "i": "2", "job": "a"}, "2"),
        ({"__name__": "limit", "i": "1"}, "10"),
        ({"__name__": "limit", "i": "9"}, "90"),
    )

    assert instant(expr, storage, minutes=0) == expected


def test_a_value_stands_in_only_while_the_partner_is_missing() -> None:
    storage = storage_of(
        ({"__name__": "x", "i": "1"}, "1x3"), ({"__name__": "y", "i": "1"}, "1 stale 3")
    )

    value = (
        Engine()
        .query_range("x + fill(5) y", start_ms=0, end_ms=120_000, step_ms=60_000, storage=storage)
        .value
    )

    assert isinstance(value, Matrix)
    assert value.values.tolist() == [2, 6, 4]


@pytest.mark.parametrize("op", ["</", ">/"])
@pytest.mark.parametrize("right", ["2", "x"])
def test_there_is_nothing_to_trim_off_a_float(op: str, right: str) -> None:
    result = Engine().query(
        f" x {op} {right}", at_ms=0, storage=storage_of(({"__name__": "x"}, "1"))
    )

    assert isinstance(result.value, InstantVector)
    assert not len(result.value)
    assert result.infos == (
        f'PromQL info: incompatible sample types encountered for binary operator "{op}":'
        f" float {op} float (1:2)",
    )


def test_rate_of_what_is_not_named_as_a_counter_is_worth_an_info() -> None:
    storage = storage_of(({"__name__": "heat"}, "1 2 3"))

    result = Engine().query("rate(heat[5m])", at_ms=2 * MINUTE_MS, storage=storage)

    assert result.infos == (
        "PromQL info: metric might not be a counter, name does not end in"
        ' _total/_sum/_count/_bucket: "heat" (1:6)',
    )


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (Limits(max_samples=10), "execution"),
        (Limits(timeout_seconds=-1), "timeout"),
        (Limits(max_points_per_series=5), "bad_data"),
    ],
    ids=["samples", "time", "points"],
)
def test_a_query_beyond_its_limits_ends_with_the_kind_of_prometheus(
    limits: Limits, kind: str
) -> None:
    with pytest.raises(PromQLError) as caught:
        Engine().query_range(
            "cpu",
            start_ms=0,
            end_ms=20 * MINUTE_MS,
            step_ms=MINUTE_MS,
            storage=storage_of(*CPU),
            options=QueryOptions(limits=limits),
        )

    assert caught.value.kind == kind


def test_a_subquery_of_too_many_steps_is_refused_before_it_takes_memory() -> None:
    with pytest.raises(PromQLError, match="too many samples"):
        instant("max_over_time(cpu[100y:1ms])", storage_of(*CPU), minutes=60)


def test_a_query_whose_caller_has_gone_is_canceled() -> None:
    with pytest.raises(PromQLError) as caught:
        Engine().query(
            "cpu",
            at_ms=0,
            storage=storage_of(*CPU),
            options=QueryOptions(is_canceled=lambda: True),
        )

    assert caught.value.kind == "canceled"


@pytest.mark.parametrize(
    ("expr", "start_ms", "end_ms", "step_ms"),
    [("'x'", 0, 1, 1), ("x[5m]", 0, 1, 1), ("x", 0, 1, 0), ("x", 2, 1, 1)],
    ids=["string", "range-vector", "no-step", "end-before-start"],
)
def test_a_range_query_that_makes_no_sense_is_bad_data(
    expr: str, start_ms: int, end_ms: int, step_ms: int
) -> None:
    with pytest.raises(PromQLError) as caught:
        Engine().query_range(
            expr, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms, storage=MemoryStorage()
        )

    assert caught.value.kind == "bad_data"


def test_a_time_beyond_all_times_is_bad_data() -> None:
    with pytest.raises(PromQLError, match="out of bounds") as caught:
        Engine().query("x", at_ms=2**63, storage=MemoryStorage())

    assert caught.value.kind == "bad_data"


def test_the_deepest_expression_that_parses_is_evaluated() -> None:
    expr = " + ".join(["x"] * 119)

    assert instant(expr, storage_of(({"__name__": "x"}, "1")), minutes=0) == {"": 119}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("sum_over_time(x[1s:1m])", {}),
        ("absent_over_time(x[1s:1m])", {"": 1}),
    ],
)
def test_a_subquery_may_have_no_step_in_its_window(expr: str, expected: dict[str, float]) -> None:
    storage = storage_of(({"__name__": "x"}, "1x20"))

    assert instant(expr, storage, minutes=10.5) == expected


def test_scalar_of_an_aggregation_of_nothing_is_nan() -> None:
    assert instant("scalar(quantile(0.5, nothing))", MemoryStorage()) == pytest.approx(
        math.nan, nan_ok=True
    )
