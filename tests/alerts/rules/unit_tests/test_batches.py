"""Rules asked ahead do what they do when each is asked at each evaluation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.rules.range_queries import is_local, reads
from alerts.rules.rule_evaluation import AlertingRule, RecordingRule, Rule
from alerts.rules.states import Terms
from alerts.rules.unit_tests.definitions import AlertTest, TestGroup
from alerts.rules.unit_tests.dump import dump_lines
from alerts.rules.unit_tests.groups import Group
from alerts.rules.unit_tests.rule_set import RuleSet, make_rule_set
from alerts.rules.unit_tests.simulation import Failure, Simulation
from observability.promql import parse
from observability.promql.series_notation import parse_series

MINUTE_MS = 60_000
EVALUATIONS = 12

EXPRESSIONS = [
    "a",
    "a > b",
    "a / on(i) b",
    "sum(a)",
    "absent(b)",
    "a offset 2m",
    "a offset -1m",
    "a @ 120",
    "rate(a[3m])",
    "avg_over_time(a[4m]) > 1.1",
    "stddev_over_time(b[5m])",
    "max_over_time(sum(a)[5m:])",
    "quantile(0.3, a)",
    "topk(1, b)",
    "time() % 180 == bool 0",
    "vector(start())",
    "r0",
    "r1 + 1",
    "r1 offset 1m",
    "sum_over_time(r2[3m])",
    "count({__name__=~'r.'})",
    "ALERTS{alertstate='firing'}",
    "a * on() group_left r0",
    "{__name__=~'a|b'}",
    "label_replace(b, 'i', 'x', '', '')",
]
VALUES = st.lists(
    # Sums of these are exact in any order; others may differ in the last bit.
    st.sampled_from(["0.5", "1.25", "-2.75", "1e9", "7", "_", "stale", "NaN", "Inf"]),
    min_size=1,
    max_size=EVALUATIONS,
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    expr = parse(draw(st.sampled_from(EXPRESSIONS)))
    name = draw(st.sampled_from(["r0", "r1", "r2"]))
    if draw(st.booleans()):
        labels = draw(st.sampled_from([{}, {"i": "1"}, {"rule": "x"}]))
        return RecordingRule(name=name, expr=expr, labels=labels)
    terms = Terms(
        hold_ms=draw(st.sampled_from([0, MINUTE_MS])),
        keep_firing_ms=draw(st.sampled_from([0, 2 * MINUTE_MS])),
        labels={"alertname": name},
        annotations={"value": "{{ $value }}"},
    )
    return AlertingRule(name=name, expr=expr, terms=terms)


@st.composite
def groups(draw: st.DrawFn) -> Group:
    return Group(
        name="g",
        query_offset_ms=draw(st.sampled_from([0, 0, MINUTE_MS])),
        limit=draw(st.sampled_from([0, 0, 0, 1])),
        rules=draw(st.lists(rules(), min_size=1, max_size=3)),
    )


def run(rule_set: RuleSet, series: list[str]) -> tuple[list[list[Failure]], list[str], list[str]]:
    """Return what went wrong, all samples, and the annotations of firing alerts."""
    end = AlertTest(eval_time_ms=(EVALUATIONS - 1) * MINUTE_MS, alertname="r0")
    test = TestGroup(interval_ms=MINUTE_MS, alert_tests=[end])
    simulation = Simulation(rule_set, test, interval_ms=MINUTE_MS, compat=3)
    for text in series:
        labels, samples = parse_series(text)
        simulation.load(labels, samples.positions * MINUTE_MS, samples.values)
    failures = [
        simulation.evaluate(n * MINUTE_MS, is_watched=n == EVALUATIONS - 1)
        for n in range(EVALUATIONS)
    ]
    annotations = sorted(str(episode.annotations) for episode in simulation.firing("r0"))
    return failures, list(dump_lines(simulation.storage)), annotations


@settings(max_examples=60)
@given(st.lists(groups(), min_size=1, max_size=2), st.lists(VALUES, min_size=3, max_size=3))
def test_asking_ahead_changes_nothing(rule_groups: list[Group], values: list[list[str]]) -> None:
    names = ['a{i="1"}', 'a{i="2"}', 'b{i="1"}']
    series = [f"{name} {' '.join(items)}" for name, items in zip(names, values, strict=True)]
    rule_set = make_rule_set(rule_groups)

    ahead = run(rule_set, series)

    assert ahead == run(replace(rule_set, askable_ahead=frozenset()), series)


def test_rules_are_asked_ahead_as_long_as_all_that_they_read_is_written_before() -> None:
    exprs = [
        ("x", "sum(rate(up[5m]))"),
        ("y", "x > 1"),
        ("z", "later * 2"),
        ("reads_z", "z"),
        ("later", "up"),
    ]
    recording = [RecordingRule(name=name, expr=parse(expr)) for name, expr in exprs]

    rule_set = make_rule_set([Group(name="g", rules=recording)])

    assert rule_set.askable_ahead == {0, 1, 4}


@pytest.mark.parametrize(
    "expr",
    ["up offset -5m", "up @ 0", "up[5m] @ end()", "start()", "rate(up[1m:step()])", "up smoothed"],
)
def test_expressions_that_mean_more_than_the_past_are_not_local(expr: str) -> None:
    assert not is_local(parse(expr))


@pytest.mark.parametrize(
    "expr", ["up offset 5m", "time()", "max_over_time(rate(up[1m])[1h:1m] offset 1d)", "absent(up)"]
)
def test_expressions_over_the_past_are_local(expr: str) -> None:
    assert is_local(parse(expr))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("up", True),
        ("sum(rate(up[5m]))", True),
        ("{__name__=~'u.*'}", True),
        ("{job='x'}", True),
        ("down", False),
        ("{__name__!='up', job='x'}", False),
        ("1", False),
    ],
)
def test_an_expression_reads_what_a_selector_of_it_may_take(expr: str, *, expected: bool) -> None:
    assert reads(parse(expr), ["up"]) is expected
