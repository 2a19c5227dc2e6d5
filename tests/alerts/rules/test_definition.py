"""What a rule can be made of."""

from __future__ import annotations

import pytest

from alerts.rules.definition import (
    check_annotations,
    check_labels,
    check_recorded_labels,
    check_recorded_name,
    expression_of_form,
    expression_of_promql,
)
from alerts.rules.errors import InvalidRuleError


@pytest.mark.parametrize("text", ["up == 0", "topk(scalar(wanted), load)", "vector(1)", "1"])
def test_an_expression_need_not_have_an_answer_yet(text: str) -> None:
    assert expression_of_promql(text).expr == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("up ==", "unexpected end of input"),
        ("up[5m]", "gives a range vector; a rule needs an instant vector or a scalar"),
        ("'text'", "gives a string; a rule needs an instant vector or a scalar"),
        ("  ", "write the expression"),
        ("a\x00", "cannot be stored"),
    ],
)
def test_what_cannot_be_an_expression_of_a_rule_is_named(text: str, message: str) -> None:
    with pytest.raises(InvalidRuleError) as caught:
        expression_of_promql(text)

    assert message in str(caught.value)


def test_a_resolve_condition_is_checked_like_the_expression() -> None:
    with pytest.raises(InvalidRuleError) as caught:
        expression_of_promql("load > 9", "load[5m]")

    assert [problem.field for problem in caught.value.problems] == ["resolve_expr"]
    assert expression_of_promql("load > 9", " load < 5 ").resolve_expr == "load < 5"


def test_a_simple_form_gives_both_expressions() -> None:
    form = {"metric": "load", "operator": ">", "threshold": 90, "resolve_threshold": 80}

    expression = expression_of_form(form)

    assert (expression.expr, expression.resolve_expr) == ("load > 90", "load <= 80")


def test_labels_and_annotations_are_templates() -> None:
    text = '{{ with query "up" }}{{ . | first | value | humanize }}{{ end }} {{ $labels.job }}'

    check_labels({"team": text})
    check_annotations({"summary": text})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{{ $value", "line 1: unclosed action", id="not closed"),
        pytest.param("a\n{{ nope 1 }}", 'line 2: function "nope" not defined', id="no function"),
        pytest.param("{{ $values }}", 'line 1: undefined variable "$values"', id="no variable"),
    ],
)
def test_a_text_that_is_no_template_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidRuleError) as of_annotation:
        check_annotations({"summary": text})
    with pytest.raises(InvalidRuleError) as of_label:
        check_labels({"team": text})

    assert str(of_annotation.value) == f"annotations.summary: {message}"
    assert str(of_label.value) == f"labels.team: {message}"


def test_labels_say_the_severity_of_a_rule_that_has_none() -> None:
    check_labels({"severity": "page"}, has_severity=False)

    with pytest.raises(InvalidRuleError, match="severity has a field of its own"):
        check_labels({"severity": "page"})
    with pytest.raises(InvalidRuleError, match="alertname is the rule's name"):
        check_labels({"alertname": "x"}, has_severity=False)


def test_a_recording_rule_gives_plain_labels_to_a_metric() -> None:
    check_recorded_name("job:requests:rate5m")
    check_recorded_labels({"severity": "{{ not a template", "alertname": ""})

    with pytest.raises(InvalidRuleError, match="name: 'job requests' is not a metric name"):
        check_recorded_name("job requests")
    with pytest.raises(InvalidRuleError, match="__name__ is the rule's name"):
        check_recorded_labels({"__name__": "x"})
