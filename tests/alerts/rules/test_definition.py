"""What can be a rule's expression."""

from __future__ import annotations

import pytest

from alerts.rules.definition import expression_of_promql
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
    ],
)
def test_what_cannot_be_an_expression_of_a_rule_is_named(text: str, message: str) -> None:
    with pytest.raises(InvalidRuleError) as caught:
        expression_of_promql(text)

    assert message in str(caught.value)
