"""A backtest does what evaluating the rule at every single time does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.backtesting.report import Result, report
from alerts.rules.backtesting.simulation import Progress, Simulation, begin
from alerts.rules.backtesting.timetable import timetable
from alerts.rules.errors import RuleEvaluationError
from alerts.rules.rule_evaluation import (
    NOTHING,
    AlertingRule,
    Vector,
    evaluate_failed_rule,
    evaluate_rule,
)
from alerts.rules.states import Change, Expand, Otherwise, State, Terms
from alerts.rules.thresholds import numeric_threshold_of
from observability.promql import Matrix, PromQLError, parse
from observability.promql.errors import ExecutionError, TooManySamplesError
from observability.promql.labels import LabelSet, label_set
from observability.promql.syntax import Expr

STEP_MS = 1_000
EXPR, DATA, OVER = parse("load > 5"), parse("load"), parse("load <= 3")
HOUR_MS = 3_600_000

Table = Mapping[int, Mapping[str, float] | None]
"""What an expression gives at each time, by instance; None where it fails."""


@dataclass
class Tables:
    """Answers from tables, as a store would give them."""

    of: Mapping[str, Table]
    most_points: int = 10**9
    asked: list[int] = field(default_factory=list)

    def at(self, expr: Expr, at_ms: int) -> Vector:
        row = self.of[str(expr)].get(at_ms, {})
        if row is None:
            raise ExecutionError("many-to-many matching not allowed")
        return [(series(name), value) for name, value in row.items()]

    def between(self, expr: Expr, *, start_ms: int, end_ms: int, step_ms: int) -> Matrix:
        times = range(start_ms, end_ms + 1, step_ms)
        self.asked.append(len(times))
        found: dict[LabelSet, list[tuple[int, float]]] = {}
        for at_ms in times:
            for labels, value in self.at(expr, at_ms):
                found.setdefault(labels, []).append((at_ms, value))
        if sum(map(len, found.values())) > self.most_points:
            raise TooManySamplesError(self.most_points)
        points = [point for labels in sorted(found) for point in found[labels]]
        return Matrix(
            sorted(found),
            np.cumsum([0, *(len(found[labels]) for labels in sorted(found))]),
            np.array([at_ms for at_ms, _ in points], dtype=np.int64),
            np.array([value for _, value in points], dtype=np.float64),
        )


def series(name: str) -> LabelSet:
    return label_set({"__name__": "load", "instance": name})


def plain(at_ms: int) -> Expand:
    def expand(text: str, *, labels: Mapping[str, str], value: float) -> str:
        return text.replace("{{ $value }}", f"{value:g}")

    return expand


def rule(
    *, with_resolve: bool = False, labels: Mapping[str, str] = {}, **terms: object
) -> AlertingRule:
    return AlertingRule(
        name="HighLoad",
        expr=EXPR,
        terms=Terms(labels={"alertname": "HighLoad", **labels}, annotations={}, **terms),  # type: ignore[arg-type]
        data_expr=DATA,
        resolve_expr=OVER if with_resolve else None,
    )


def tables(rows: Sequence[Mapping[str, float] | None], most_points: int = 10**9) -> Tables:
    """Return what the three expressions give, from the load at each second."""
    judged: Mapping[str, Callable[[float], bool]] = {
        str(EXPR): lambda value: value > 5,
        str(DATA): lambda value: True,
        str(OVER): lambda value: value <= 3,
    }
    return Tables(
        {
            expr: {
                place * STEP_MS: None
                if row is None
                else {name: value for name, value in row.items() if holds(value)}
                for place, row in enumerate(rows)
            }
            for expr, holds in judged.items()
        },
        most_points,
    )


def backtest(
    one: AlertingRule, source: Tables, seconds: int, *, limit: int = 0, part_length: int = 7
) -> tuple[Result, Progress, int]:
    times = timetable(
        one, start_ms=0, end_ms=(seconds - 1) * STEP_MS, interval_ms=STEP_MS, group_id=0
    )
    progress = begin(one, times)
    progress.next_ms = 0
    progress.part_length = part_length
    simulation = Simulation(
        one, times, progress, source=source, expander=plain, limit=limit, longest_part=part_length
    )
    evaluated = sum(1 for _ in simulation.run())
    return report(progress, times, numeric_threshold_of(one.expr)), progress, evaluated


def each_time(
    one: AlertingRule, source: Tables, seconds: int, limit: int
) -> list[tuple[object, ...]]:
    """Return the episodes that one evaluation after the other gives: labels, active, fired, over."""
    memory = NOTHING
    found: list[tuple[object, ...]] = []
    for at_ms in range(0, seconds * STEP_MS, STEP_MS):
        changes: Sequence[Change]
        try:
            evaluation = evaluate_rule(
                one, memory, source.at, at_ms=at_ms, limit=limit, expand=plain(at_ms)
            )
        except (PromQLError, RuleEvaluationError):
            evaluation = evaluate_failed_rule(one, memory, at_ms=at_ms, expand=plain(at_ms))
        memory, changes = evaluation.memory, evaluation.changes
        for change in changes:
            if change.after is None and change.before is not None:
                found.append((change.before.labels, change.before.active_at_ms, None, at_ms))
            elif change.after is not None and change.entered is State.RESOLVED:
                after = change.after
                found.append((after.labels, after.active_at_ms, after.fired_at_ms, at_ms))
    found += [
        (episode.labels, episode.active_at_ms, episode.fired_at_ms, None)
        for episode in memory.active.values()
    ]
    return sorted(found, key=str)


def episodes_of(result: Result) -> list[tuple[object, ...]]:
    labels = [label_set(one["labels"]) for one in result["label_sets"]]
    return sorted(
        (
            (labels[one["label_set"]], one["active_ms"], one["fired_ms"], one["over_ms"])
            for one in result["episodes"]
        ),
        key=str,
    )


loads = st.dictionaries(st.sampled_from("abc"), st.sampled_from([1.0, 4.0, 6.0, 9.0, math.nan]))
durations = st.integers(0, 6).map(lambda seconds: seconds * STEP_MS)
choices = st.sampled_from(list(Otherwise))


@given(
    rows=st.lists(st.one_of(loads, loads, loads, st.none()), min_size=2, max_size=60),
    repeats=st.integers(1, 5),
    hold_ms=durations,
    keep_firing_ms=durations,
    on_no_data=choices,
    on_error=choices,
    with_resolve=st.booleans(),
    has_template=st.booleans(),
    most_points=st.sampled_from([3, 10**9]),
    limit=st.sampled_from([0, 0, 1]),
)
def test_a_backtest_agrees_with_one_evaluation_after_the_other(
    rows: list[dict[str, float] | None],
    repeats: int,
    hold_ms: int,
    keep_firing_ms: int,
    on_no_data: Otherwise,
    on_error: Otherwise,
    with_resolve: bool,
    has_template: bool,
    most_points: int,
    limit: int,
) -> None:
    rows = [row for row in rows for _ in range(repeats)]
    one = rule(
        with_resolve=with_resolve,
        labels={"at": "{{ $value }}"} if has_template else {},
        hold_ms=hold_ms,
        keep_firing_ms=keep_firing_ms,
        on_no_data=on_no_data,
        on_error=on_error,
    )
    source = tables(rows, most_points=most_points)

    result, _, _ = backtest(one, source, len(rows), limit=limit)

    assert episodes_of(result) == each_time(one, source, len(rows), limit)


def test_steady_times_are_left_out_and_yet_count() -> None:
    rows = [{"a": 9.0}] * 500 + [{"a": 1.0}] * 500

    result, progress, evaluated = backtest(
        rule(hold_ms=10_000), tables(rows), len(rows), part_length=1_000
    )

    assert evaluated < 10
    assert progress.evaluations == 1_000
    assert result["totals"]["fired"] == 1
    assert result["totals"]["longest_ms"] == 490_000


def test_the_peak_is_the_worst_value_of_the_whole_episode() -> None:
    rows = [
        {"a": 1.0},
        {"a": 6.0},
        {"a": 6.5},
        {"a": 8.25},
        {"a": math.nan},
        {"a": 7.0},
        {"a": 1.0},
    ]

    result, _, _ = backtest(rule(), tables(rows), len(rows))

    assert [one["peak"] for one in result["episodes"]] == [8.25, 7.0]


def test_a_rule_that_never_fired_says_what_came_nearest() -> None:
    rows = [{"a": 1.0, "b": 2.0}, {"a": 4.5, "b": 2.0}, {"a": 3.0, "b": 2.0}]

    result, _, _ = backtest(rule(), tables(rows), len(rows))

    miss = result["nearest_miss"]
    assert miss is not None
    assert (miss["value"], miss["operator"], miss["threshold"]) == (4.5, ">", 5.0)
    assert (miss["labels"]["instance"], miss["at_ms"]) == ("a", 1_000)


def test_a_rule_without_samples_says_so() -> None:
    result, _, _ = backtest(rule(), tables([{}, {}]), 2)

    assert result["notices"] == ["There were no samples of load in this time."]


def test_an_expression_that_always_fails_is_not_asked_each_time() -> None:
    source = tables([None] * 1_000)

    result, _, evaluated = backtest(rule(), source, 1_000, part_length=1_000)

    assert evaluated == 1
    assert result["failures"] == 1_000
    assert "many-to-many" in result["notices"][0]


def test_alerts_beyond_the_limit_of_the_group_fail_the_evaluation() -> None:
    rows = [{"a": 9.0}, {"a": 9.0, "b": 9.0}, {"a": 9.0}, {"a": 1.0}]

    result, _, _ = backtest(rule(), tables(rows), len(rows), limit=1)

    assert [one[1:] for one in episodes_of(result)] == [(0, 0, 3_000)]
    assert result["failures"] == 1


def test_four_episodes_within_an_hour_are_flapping() -> None:
    rows = [{"a": 9.0, "b": 9.0}, {"b": 9.0}] * 4

    result, _, _ = backtest(rule(on_no_data=Otherwise.RESOLVE), tables(rows), len(rows))

    flapping = {one["labels"]["instance"]: one["is_flapping"] for one in result["label_sets"]}
    assert flapping == {"a": True, "b": False}
    assert result["totals"]["flapping"] == 1


def test_a_backtest_ends_where_too_many_alerts_are_active(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.rules.backtesting.tally.MOST_ACTIVE", 2)
    rows = [{"a": 9.0}, {"a": 9.0, "b": 9.0, "c": 9.0}, {"a": 9.0}]

    result, _, evaluated = backtest(rule(), tables(rows), len(rows))

    assert evaluated == 2
    assert result["covered_ms"] == 1_000
    assert "more than 2 alerts were active at once" in result["notices"][0]


@pytest.mark.parametrize(
    ("expr", "days", "step_ms", "words"),
    [
        ("load > 5", 30, 15_000, ""),
        ("load > 5", 31 * 2, 30_000, "at most 200,000 evaluations"),
        ("load > end()", 1, 45_000, "depends on the time at which it is asked"),
    ],
    ids=["as the rule", "too many", "not askable ahead"],
)
def test_what_is_too_much_is_evaluated_further_apart(
    expr: str, days: int, step_ms: int, words: str
) -> None:
    one = AlertingRule(
        name="A", expr=parse(expr), terms=Terms(labels={"alertname": "A"}, annotations={})
    )

    times = timetable(one, start_ms=0, end_ms=days * 86_400_000, interval_ms=15_000, group_id=0)

    assert times.step_ms == step_ms
    assert words in times.notice
    assert bool(words) == bool(times.notice)


def test_evaluations_begin_as_long_before_the_range_as_alerts_are_pending() -> None:
    times = timetable(
        rule(hold_ms=300_000), start_ms=HOUR_MS, end_ms=2 * HOUR_MS, interval_ms=15_000, group_id=0
    )

    assert times.first_ms == HOUR_MS - 300_000
    assert times.past_ms == 2 * HOUR_MS + 15_000
