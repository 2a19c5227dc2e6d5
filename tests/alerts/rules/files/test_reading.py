from __future__ import annotations

from pathlib import Path

import pytest

from alerts.rules.files.errors import RuleFileError
from alerts.rules.files.reading import load_rule_file, read_rules

RULES = """
groups:
  - name: example
    interval: 30s
    query_offset: 10s
    limit: 5
    labels: {team: a}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: {source: rules}
      - alert: Down
        expr: |
          up == 0
        for: 5m
        keep_firing_for: 1h
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} is down"}
"""


def problems_of(text: str, folder: Path) -> list[str]:
    path = folder / "rules.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RuleFileError) as caught:
        load_rule_file(path)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_a_group_is_read_with_all_that_it_says() -> None:
    (group,) = read_rules(RULES).groups

    assert (group.name, group.interval_ms, group.query_offset_ms, group.limit) == (
        "example",
        30_000,
        10_000,
        5,
    )
    assert group.labels == {"team": "a"}


def test_rules_are_read_with_all_that_they_say() -> None:
    ((recording, alerting),) = (group.rules for group in read_rules(RULES).groups)

    assert (recording.record, recording.expr) == ("job:up:sum", "sum by (job) (up)")
    assert recording.labels == {"source": "rules"}
    assert (alerting.alert, alerting.expr) == ("Down", "up == 0\n")
    assert (alerting.hold_ms, alerting.keep_firing_ms) == (300_000, 3_600_000)
    assert alerting.annotations == {"summary": "{{ $labels.instance }} is down"}


def test_a_rule_knows_its_place() -> None:
    ((recording, _),) = (group.rules for group in read_rules(RULES).groups)

    assert str(recording.place) == "9:9"
    assert str(recording.places["expr"]) == "10:15"


@pytest.mark.parametrize("text", ["", "groups:", "groups: []", "# nothing"])
def test_a_file_may_have_no_groups(text: str) -> None:
    assert list(read_rules(text).groups) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            "groups:\n- name: a\n- name: a\n",
            '3:3: groupname: "a" is repeated in the same file',
            id="a name twice",
        ),
        pytest.param("groups:\n- rules: []\n", "2:3: Groupname must not be empty", id="no name"),
        pytest.param(
            "groups:\n- name: a\n  labels: {__name__: x}\n",
            "2:3: invalid label name: __name__",
            id="a group's label",
        ),
        pytest.param(
            "groups:\n- name: a\n  rules:\n  - expr: up\n",
            """4:5: group "a", rule 1, "": one of 'record' or 'alert' must be set""",
            id="neither alert nor record",
        ),
        pytest.param(
            "groups:\n- name: a\n  rules:\n  - {alert: b, record: c, expr: up}\n",
            """4:24: group "a", rule 1, "b": only one of 'record' and 'alert' must be set""",
            id="alert and record",
        ),
        pytest.param(
            "groups:\n- name: a\n  rules:\n  - alert: b\n",
            """4:5: group "a", rule 1, "b": field 'expr' must be set in rule""",
            id="no expression",
        ),
        pytest.param(
            "groups:\n- name: a\n  rules:\n  - alert: b\n    expr: sum(\n",
            '5:11: group "a", rule 1, "b": could not parse expression: '
            "1:5: parse error: unclosed left parenthesis",
            id="no PromQL",
        ),
        pytest.param(
            "groups:\n- name: a\n  rules:\n  - {record: b, expr: up, for: 5m}\n",
            """4:14: group "a", rule 1, "b": invalid field 'for' in recording rule""",
            id="for of a recording rule",
        ),
        pytest.param(
            "groups:\n- name: a\n  rules:\n  - {record: 'sum{b}', expr: up}\n",
            '4:14: group "a", rule 1, "sum{b}": '
            "braces present in the recording rule name; should it be in expr?: sum{b}",
            id="an expression as name",
        ),
        pytest.param(
            "groups:\n- name: a\n  rules:\n  - {alert: b, expr: up, labels: {__name__: c}}\n",
            '4:5: group "a", rule 1, "b": invalid label name: __name__',
            id="the metric's name as label",
        ),
        pytest.param(
            "groups:\n- name: a\n  rules:\n  - {alert: b, expr: up, annotations: {c: '{{ d }}'}}\n",
            '4:5: group "a", rule 1, "b": annotation "c": error parsing template __alert_b: '
            'template: __alert_b:1: function "d" not defined',
            id="a template",
        ),
        pytest.param(
            "groups:\n- name: a\n  rule: []\n",
            "yaml: unmarshal errors:\n  line 3: field rule not found in type rulefmt.RuleGroup",
            id="an unknown field",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    assert problems_of(text, tmp_path) == [problem]


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = "groups:\n- name: a\n  rules:\n  - {record: b, for: 1m, annotations: {c: d}}\n"

    assert len(problems_of(text, tmp_path)) == 3


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"rules\.yml: no such file or directory"):
        load_rule_file(tmp_path / "rules.yml")
