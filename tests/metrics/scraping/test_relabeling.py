"""What Prometheus documents of relabeling, and what its own tests fix."""

from __future__ import annotations

from typing import Any

import pytest

from observability.metrics.scraping.errors import RelabelError
from observability.metrics.scraping.relabeling import read_rules, relabel

ABC = {"a": "foo", "b": "bar", "c": "baz"}


def applied(labels: dict[str, str], *rules: dict[str, Any]) -> dict[str, str] | None:
    return relabel(labels, read_rules(list(rules)))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(
            {"source_labels": ["a"], "regex": "f(.*)", "target_label": "d", "replacement": "ch${1}-ch${1}"},
            {**ABC, "d": "choo-choo"},
            id="replace with a group",
        ),
        pytest.param(
            {"source_labels": ["a", "b"], "regex": "f(.*);(.*)r", "target_label": "a", "replacement": "b$1x"},
            {**ABC, "a": "b"},
            id="a name takes all letters that follow",
        ),
        pytest.param(
            {"source_labels": ["a", "b"], "regex": "f(.*);(.*)r", "target_label": "a", "replacement": "b${2}${1}"},
            {**ABC, "a": "bbaoo"},
            id="replace with several groups of joined labels",
        ),
        pytest.param(
            {"source_labels": ["a"], "separator": "", "target_label": "d"},
            {**ABC, "d": "foo"},
            id="the defaults copy a label",
        ),
        pytest.param({"target_label": "env", "replacement": "prod"}, {**ABC, "env": "prod"}, id="a constant"),
        pytest.param(
            {"source_labels": ["a"], "regex": "o", "target_label": "d", "replacement": "x"},
            ABC,
            id="the whole value must match",
        ),
        pytest.param(
            {"source_labels": ["a"], "target_label": "a", "replacement": ""},
            {"b": "bar", "c": "baz"},
            id="an empty value removes the label",
        ),
        pytest.param(
            {"source_labels": ["a"], "regex": "(.*)", "target_label": "${1}_x", "replacement": "v"},
            {**ABC, "foo_x": "v"},
            id="a target label made of a group",
        ),
        pytest.param(
            {"source_labels": ["none"], "regex": "(.*)", "target_label": "${1}", "replacement": "v"},
            ABC,
            id="a target label that is no name changes nothing",
        ),
        pytest.param({"source_labels": ["a"], "regex": "foo|bar", "action": "keep"}, ABC, id="keep what matches"),
        pytest.param({"source_labels": ["a"], "regex": "bar", "action": "keep"}, None, id="keep drops the rest"),
        pytest.param({"source_labels": ["a"], "regex": "foo", "action": "drop"}, None, id="drop what matches"),
        pytest.param({"source_labels": ["a"], "regex": "fo", "action": "drop"}, ABC, id="drop matches whole values"),
        pytest.param({"source_labels": ["none"], "regex": "", "action": "drop"}, None, id="an absent label is empty"),
        pytest.param({"regex": "(b.*)|c", "action": "labeldrop"}, {"a": "foo"}, id="labeldrop"),
        pytest.param({"regex": "a|c", "action": "labelkeep"}, {"a": "foo", "c": "baz"}, id="labelkeep"),
        pytest.param(
            {"regex": "(b|c)", "replacement": "my_$1", "action": "labelmap"},
            {**ABC, "my_b": "bar", "my_c": "baz"},
            id="labelmap",
        ),
        pytest.param(
            {"source_labels": ["a"], "target_label": "d", "action": "uppercase"}, {**ABC, "d": "FOO"}, id="uppercase"
        ),
        pytest.param(
            {"source_labels": ["c"], "target_label": "d", "action": "hashmod", "modulus": 1000},
            {**ABC, "d": "976"},
            id="hashmod",
        ),
        pytest.param({"source_labels": ["a"], "target_label": "b", "action": "keepequal"}, None, id="keepequal of others"),
        pytest.param({"source_labels": ["a"], "target_label": "b", "action": "dropequal"}, ABC, id="dropequal of others"),
        pytest.param({"source_labels": ["a"], "target_label": "a", "action": "keepequal"}, ABC, id="keepequal of equals"),
        pytest.param({"source_labels": ["a"], "target_label": "a", "action": "dropequal"}, None, id="dropequal of equals"),
        pytest.param({"source_labels": ["a"], "target_label": "d", "action": "LowerCase"}, {**ABC, "d": "foo"}, id="actions in any letters"),
    ],
)  # fmt: skip
def test_a_rule_does_what_prometheus_says(
    rule: dict[str, Any], expected: dict[str, str] | None
) -> None:
    assert applied(ABC, rule) == expected


def test_rules_work_on_what_the_ones_before_have_made() -> None:
    made = applied(
        {"__address__": "db1:9100"},
        {"source_labels": ["__address__"], "regex": "(.*):.*", "target_label": "host"},
        {"source_labels": ["host"], "regex": "db.*", "target_label": "role", "replacement": "database"},
    )  # fmt: skip

    assert made == {"__address__": "db1:9100", "host": "db1", "role": "database"}


def test_a_dropped_label_set_sees_no_further_rule() -> None:
    assert (
        applied(
            ABC,
            {"source_labels": ["a"], "regex": "foo", "action": "drop"},
            {"target_label": "x", "replacement": "y"},
        )
        is None
    )


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        pytest.param({"action": "keeep"}, "action: 'keeep' is none of", id="unknown action"),
        pytest.param({"regex": "(", "target_label": "a"}, "regex: error parsing regexp", id="regex"),
        pytest.param({"source_labels": ["a"]}, "replace needs a target_label", id="no target"),
        pytest.param({"action": "hashmod", "target_label": "a"}, "hashmod needs a modulus", id="no modulus"),
        pytest.param({"target_label": "a-b"}, "'a-b' is not a label name", id="target is no name"),
        pytest.param({"action": "labeldrop", "regex": "a", "source_labels": ["b"]}, "labeldrop takes only a regex", id="labeldrop with more"),
        pytest.param({"action": "keepequal", "source_labels": ["a"], "target_label": "b", "regex": "x"}, "keepequal takes only", id="keepequal with more"),
        pytest.param({"action": "labelmap", "replacement": "a-$1"}, "makes no label name", id="labelmap makes no name"),
        pytest.param({"source_label": ["a"], "target_label": "b"}, "'source_label' is not part of a rule", id="misspelt"),
        pytest.param({"source_labels": "a", "target_label": "b"}, "expected a list of label names", id="text for a list"),
        pytest.param("drop", "expected names and values", id="no object"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_named(rule: Any, fault: str) -> None:
    with pytest.raises(RelabelError, match=r"^rule 2: ") as caught:
        read_rules([{"target_label": "fine"}, rule])

    assert fault in str(caught.value)


def test_a_number_that_yaml_made_is_text() -> None:
    assert applied({"port": "9100"}, {"source_labels": ["port"], "regex": 9100, "action": "drop"}) is None  # fmt: skip


def test_a_pattern_that_would_take_others_for_ever_is_judged_at_once() -> None:
    with pytest.raises(RelabelError, match="is not a label name"):
        read_rules([{"target_label": "a" * 5_000 + "-"}])
