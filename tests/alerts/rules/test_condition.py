from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.condition import (
    Comparison,
    Condition,
    Fold,
    compile_condition,
    compile_resolution,
    read_condition,
)
from alerts.rules.errors import InvalidRuleError
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.parser import parse
from observability.promql.syntax import Aggregation, Binary, VectorSelector

LABEL_NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True)
STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
PLAIN_MATCHERS = st.builds(
    Matcher, LABEL_NAMES, st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), STORABLE
)


def form(**changes: Any) -> dict[str, Any]:
    return {"metric": "cpu_usage", "operator": ">", "threshold": 90.0} | changes


@pytest.mark.parametrize(
    ("changes", "expr"),
    [
        pytest.param({}, "cpu_usage > 90", id="plain"),
        pytest.param(
            {"filters": [{"label": "host", "operator": "=~", "value": "db.+"}]},
            'cpu_usage{host=~"db.+"} > 90',
            id="filter",
        ),
        pytest.param(
            {"aggregation": "avg", "by": ["host"]}, "avg by (host) (cpu_usage) > 90", id="fold"
        ),
        pytest.param({"aggregation": "sum"}, "sum(cpu_usage) > 90", id="fold into one"),
        pytest.param(
            {"function": "rate", "window": "10m"}, "rate(cpu_usage[10m]) > 90", id="window"
        ),
        pytest.param(
            {"function": "increase", "aggregation": "max", "by": ["host", "job"]},
            "max by (host, job) (increase(cpu_usage[5m])) > 90",
            id="window and fold",
        ),
        pytest.param({"operator": "!=", "threshold": -0.5}, "cpu_usage != -0.5", id="negative"),
        pytest.param({"metric": "job:cpu:avg"}, "job:cpu:avg > 90", id="recorded metric"),
    ],
)
def test_a_form_compiles_to_promql(changes: dict[str, Any], expr: str) -> None:
    condition = read_condition(form(**changes))

    assert compile_condition(condition) == expr


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"metric": ""}, "metric", id="no metric"),
        pytest.param({"metric": 5}, "metric", id="metric is a number"),
        pytest.param({"metric": "a\x00b"}, "metric", id="NUL in the metric"),
        pytest.param({"metric": 'queue{name="mail"}'}, "metric", id="selector as the metric"),
        pytest.param({"metric": "1a b"}, "metric", id="metric that cannot be recorded"),
        pytest.param({"metric": "http.requests"}, "metric", id="dot in the metric"),
        pytest.param({"metric": "m" * 257}, "metric", id="metric is too long"),
        pytest.param({"operator": "=>"}, "operator", id="unknown operator"),
        pytest.param({"operator": ["x"]}, "operator", id="operator is a list"),
        pytest.param({"threshold": "high"}, "threshold", id="threshold is a text"),
        pytest.param({"threshold": True}, "threshold", id="threshold is a boolean"),
        pytest.param({"threshold": float("nan")}, "threshold", id="threshold is NaN"),
        pytest.param({"threshold": 10**400}, "threshold", id="threshold is too large"),
        pytest.param({"resolve_threshold": "low"}, "resolve_threshold", id="resolve text"),
        pytest.param({"resolve_threshold": 91}, "resolve_threshold", id="resolve above"),
        pytest.param(
            {"operator": "<=", "resolve_threshold": 89}, "resolve_threshold", id="resolve below"
        ),
        pytest.param(
            {"operator": "==", "resolve_threshold": 80}, "resolve_threshold", id="no direction"
        ),
        pytest.param({"filters": "x"}, "filters", id="filters is a text"),
        pytest.param({"filters": ["x"]}, "filters[0]", id="filter is a text"),
        pytest.param({"filters": [{"label": ""}]}, "filters[0].label", id="filter of no label"),
        pytest.param(
            {"filters": [{"label": "__name__"}]}, "filters[0].label", id="filter on the metric"
        ),
        pytest.param(
            {"filters": [{"label": "a b"}]}, "filters[0].label", id="filter label with a space"
        ),
        pytest.param({"filters": [{"label": 5}]}, "filters[0].label", id="filter on a number"),
        pytest.param({"aggregation": "sum", "by": ["a.b"]}, "by", id="dot in a label to keep"),
        pytest.param(
            {"filters": [{"label": "a", "operator": "~", "value": "b"}]},
            "filters[0].operator",
            id="unknown filter operator",
        ),
        pytest.param(
            {"filters": [{"label": "a", "operator": "=~", "value": "("}]},
            "filters[0].value",
            id="bad regular expression",
        ),
        pytest.param({"function": "median"}, "function", id="unknown function"),
        pytest.param({"function": "rate", "window": "soon"}, "window", id="bad window"),
        pytest.param({"function": "rate", "window": "0s"}, "window", id="empty window"),
        pytest.param({"function": "rate", "window": 5}, "window", id="window is a number"),
        pytest.param({"aggregation": "mode"}, "aggregation", id="unknown aggregation"),
        pytest.param({"aggregation": {}, "by": ["host"]}, "by", id="by without aggregation"),
        pytest.param({"aggregation": "sum", "by": "host"}, "by", id="by is a text"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRuleError) as error:
        read_condition(form(**changes))

    assert [problem.field for problem in error.value.problems] == [field]


@pytest.mark.parametrize(
    ("changes", "expr"),
    [
        pytest.param({}, "", id="none"),
        pytest.param({"resolve_threshold": 80}, "cpu_usage <= 80", id="above"),
        pytest.param(
            {"operator": ">=", "resolve_threshold": 90}, "cpu_usage < 90", id="at or above"
        ),
        pytest.param({"operator": "<", "resolve_threshold": 95}, "cpu_usage >= 95", id="below"),
        pytest.param(
            {"operator": "<=", "resolve_threshold": 95.5}, "cpu_usage > 95.5", id="at or below"
        ),
        pytest.param(
            {"resolve_threshold": 0, "function": "rate", "aggregation": "sum", "by": ["host"]},
            "sum by (host) (rate(cpu_usage[5m])) <= 0",
            id="all of the form",
        ),
    ],
)
def test_a_resolve_threshold_compiles_with_the_inverted_operator(
    changes: dict[str, Any], expr: str
) -> None:
    condition = read_condition(form(**changes))

    assert compile_resolution(condition) == expr


def test_a_selector_as_the_metric_is_told_where_its_labels_belong() -> None:
    with pytest.raises(InvalidRuleError, match="'Only series where'"):
        read_condition(form(metric='queue_length{queue="mail"}'))


def test_every_wrong_field_is_reported_at_once() -> None:
    with pytest.raises(InvalidRuleError) as error:
        read_condition({})

    assert [problem.field for problem in error.value.problems] == [
        "metric",
        "operator",
        "threshold",
    ]


@given(matchers=st.lists(PLAIN_MATCHERS, max_size=3), threshold=st.floats(-1e9, 1e9))
def test_parsing_a_compiled_condition_gives_the_same_matchers(
    matchers: list[Matcher], threshold: float
) -> None:
    condition = Condition(
        metric="x", filters=tuple(matchers), comparison=Comparison.LESS, threshold=threshold
    )

    tree = parse(compile_condition(condition))

    assert isinstance(tree, Binary)
    assert isinstance(tree.lhs, VectorSelector)
    assert sorted(map(str, tree.lhs.matchers)) == sorted(map(str, matchers))


@given(names=st.lists(STORABLE.filter(bool), min_size=1, max_size=3, unique=True))
def test_any_label_name_can_be_kept_apart(names: list[str]) -> None:
    condition = Condition(
        metric="x", fold=Fold.MAX, by=tuple(names), comparison=Comparison.LESS, threshold=1
    )

    tree = parse(compile_condition(condition))

    assert isinstance(tree, Binary)
    assert isinstance(tree.lhs, Aggregation)
    assert sorted(tree.lhs.grouping) == sorted(names)


@given(
    matchers=st.lists(PLAIN_MATCHERS, max_size=3),
    threshold=st.floats(-1e9, 1e9),
    margin=st.none() | st.floats(0, 1e9),
)
def test_a_condition_survives_being_kept_as_a_form(
    matchers: list[Matcher], threshold: float, margin: float | None
) -> None:
    condition = Condition(
        metric="x",
        filters=tuple(matchers),
        comparison=Comparison.LESS,
        threshold=threshold,
        resolve_threshold=None if margin is None else threshold + margin,
    )

    assert read_condition(condition.as_form()) == condition
