"""Rules with tests that hold in Prometheus, told by what they show.

`CASES` hold in Prometheus 2.42 as well, and are run by its promtool too; `NEWER` need
Prometheus 3. `WRONG` fail, with the same output in both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A rule file and a test file that names it `rules.yml`."""

    name: str
    rules: str
    tests: str

    def __str__(self) -> str:
        return self.name


def _group(rules: str) -> str:
    return f"groups:\n- name: g\n  rules:\n{rules}"


def _tests(tests: str, head: str = "") -> str:
    return f"rule_files: [rules.yml]\n{head}\ntests:\n{tests}"


CASES = [
    Case(
        "for holds an alert back",
        _group("  - {alert: A, expr: up == 0, for: 2m}"),
        _tests("""
- interval: 1m
  input_series: [{series: 'up{i="1"}', values: 1 0 0 0 0}]
  alert_rule_test:
  - {eval_time: 0m, alertname: A}
  - {eval_time: 2m, alertname: A}
  - {eval_time: 3m, alertname: A, exp_alerts: [{exp_labels: {i: '1'}}]}
  promql_expr_test:
  - expr: ALERTS offset 2m
    eval_time: 4m
    exp_samples: [{labels: 'ALERTS{alertname="A", alertstate="pending", i="1"}', value: 1}]
  - expr: ALERTS
    eval_time: 4m
    exp_samples: [{labels: 'ALERTS{alertname="A", alertstate="firing", i="1"}', value: 1}]
  - expr: ALERTS_FOR_STATE
    eval_time: 4m
    exp_samples: [{labels: 'ALERTS_FOR_STATE{alertname="A", i="1"}', value: 60}]
"""),
    ),
    Case(
        "an interruption starts for anew",
        _group("  - {alert: A, expr: up == 0, for: 2m}"),
        _tests("""
- interval: 1m
  input_series: [{series: up, values: 0 0 1 0 0 0}]
  alert_rule_test:
  - {eval_time: 4m, alertname: A}
  - {eval_time: 5m, alertname: A, exp_alerts: [{}]}
"""),
    ),
    Case(
        "keep_firing_for holds an alert",
        _group("  - {alert: A, expr: up == 0, keep_firing_for: 2m}"),
        _tests("""
- interval: 1m
  input_series: [{series: up, values: 0 1 1 1 1}]
  alert_rule_test:
  - {eval_time: 0m, alertname: A, exp_alerts: [{}]}
  - {eval_time: 1m, alertname: A, exp_alerts: [{}]}
  - {eval_time: 2m, alertname: A, exp_alerts: [{}]}
  - {eval_time: 3m, alertname: A}
"""),
    ),
    Case(
        "an annotation keeps the last value while its alert is kept",
        _group("""
  - alert: A
    expr: up < 5
    keep_firing_for: 5m
    annotations: {value: '{{ $value }}'}
"""),
        _tests("""
- interval: 1m
  input_series: [{series: up, values: 3 4 9 9}]
  alert_rule_test:
  - {eval_time: 3m, alertname: A, exp_alerts: [{exp_annotations: {value: '4'}}]}
"""),
    ),
    Case(
        "alerts of a name come from all rules that have it",
        _group("""
  - {alert: A, expr: up == 0, labels: {rule: one}}
  - {alert: A, expr: up == 0, labels: {rule: two}}
  - {alert: B, expr: up == 0}
"""),
        _tests("""
- interval: 1m
  input_series: [{series: up, values: 0}]
  alert_rule_test:
  - eval_time: 0
    alertname: A
    exp_alerts: [{exp_labels: {rule: two}}, {exp_labels: {rule: one}}]
"""),
    ),
    Case(
        "a rule's labels win over those of the series",
        _group("""
  - record: r
    expr: up
    labels: {a: rule, b: ''}
  - alert: A
    expr: up
    labels: {a: rule, b: ''}
"""),
        _tests("""
- interval: 1m
  input_series: [{series: 'up{a="x", b="y", c="z"}', values: 7}]
  alert_rule_test:
  - {eval_time: 0, alertname: A, exp_alerts: [{exp_labels: {a: rule, c: z}}]}
  promql_expr_test:
  - {expr: r, eval_time: 0, exp_samples: [{labels: 'r{a="rule", c="z"}', value: 7}]}
"""),
    ),
    Case(
        "labels and annotations are templates",
        _group("""
  - alert: A
    expr: up > 0.5
    labels: {team: '{{ $labels.team | toUpper }}'}
    annotations:
      summary: '{{ $value | humanizePercentage }} of {{ .Labels.job }} in {{ $externalLabels.dc }}'
      others: '{{ range query "sort(other)" }}{{ .Labels.i }}={{ .Value }} {{ end }}'
      broken: '{{ index $labels 1 2 }}'
"""),
        _tests("""
- external_labels: {dc: berlin}
  interval: 1m
  input_series:
  - {series: 'up{job="j", team="a"}', values: '0.75'}
  - {series: 'other{i="x"}', values: 2}
  - {series: 'other{i="y"}', values: 1}
  alert_rule_test:
  - eval_time: 0
    alertname: A
    exp_alerts:
    - exp_labels: {job: j, team: A}
      exp_annotations:
        summary: 75% of j in berlin
        others: 'y=1 x=2 '
        broken: '<error expanding template: error executing template __alert_A: template:
          __alert_A:1:115: executing "__alert_A" at <index $labels 1 2>: error calling index:
          value has type int; should be string>'
"""),
    ),
    Case(
        "rules see what the rules before them gave",
        _group("""
  - {record: two, expr: one * 2}
  - {record: four, expr: two * 2}
  - {record: late, expr: last}
  - {record: last, expr: one}
"""),
        _tests("""
- interval: 1m
  input_series: [{series: one, values: 1 2 3}]
  promql_expr_test:
  - {expr: four, eval_time: 2m, exp_samples: [{labels: four, value: 12}]}
  - {expr: late, eval_time: 2m, exp_samples: [{labels: late, value: 2}]}
"""),
    ),
    Case(
        "groups are evaluated in the order that is asked for",
        """
groups:
- {name: b, rules: [{record: four, expr: two * 2}]}
- {name: a, rules: [{record: two, expr: one * 2}]}
""",
        _tests(
            """
- interval: 1m
  input_series: [{series: one, values: 1 2}]
  promql_expr_test:
  - {expr: four, eval_time: 1m, exp_samples: [{labels: four, value: 8}]}
""",
            head="group_eval_order: [a, b]",
        ),
    ),
    Case(
        "recorded series that are gone are stale at once",
        _group("  - {record: r, expr: up == 1}"),
        _tests("""
- interval: 1m
  input_series: [{series: up, values: 1 1 0 0 1}]
  promql_expr_test:
  - {expr: r offset 3m, eval_time: 4m, exp_samples: [{labels: r, value: 1}]}
  - {expr: r offset 2m, eval_time: 4m}
  - {expr: r, eval_time: 4m, exp_samples: [{labels: r, value: 1}]}
"""),
    ),
    Case(
        "input has gaps and ends",
        "groups: []",
        _tests("""
- interval: 1m
  input_series:
  - {series: gap, values: 1 _ _ 4}
  - {series: ended, values: 1 2 stale}
  - {series: falling, values: 10-2.5x3}
  - {series: far, values: '_x3 1e3'}
  - {series: twice, values: 1}
  - {series: twice, values: 2}
  promql_expr_test:
  - {expr: gap, eval_time: 2m, exp_samples: [{labels: gap, value: 1}]}
  - {expr: ended, eval_time: 2m}
  - {expr: ended, eval_time: 1m, exp_samples: [{labels: ended, value: 2}]}
  - {expr: falling, eval_time: 3m, exp_samples: [{labels: falling, value: 2.5}]}
  - {expr: far, eval_time: 3m, exp_samples: [{labels: far, value: 1000}]}
  - {expr: far, eval_time: 2m}
  - {expr: twice, eval_time: 2m, exp_samples: [{labels: twice, value: 2}]}
"""),
    ),
    Case(
        "what comes after the last evaluation is not seen",
        "groups: []",
        _tests("""
- interval: 10s
  input_series: [{series: up, values: 0+1x20}]
  promql_expr_test:
  - {expr: up, eval_time: 1m50s, exp_samples: [{labels: up, value: 6}]}
"""),
    ),
    Case(
        "what is still to come is not seen",
        _group("""
  - {record: r, expr: up offset -2m}
  - {record: s, expr: up @ 120}
"""),
        _tests("""
- interval: 1m
  input_series: [{series: up, values: 1 2 3 4}]
  promql_expr_test:
  - {expr: r @ 60, eval_time: 3m, exp_samples: [{labels: r, value: 2}]}
  - {expr: s @ 60, eval_time: 3m, exp_samples: [{labels: s, value: 2}]}
"""),
    ),
    Case(
        "alerts between evaluations are those of the last one",
        _group("  - {alert: A, expr: up == 0}"),
        _tests(
            """
- interval: 30s
  input_series: [{series: up, values: 1 0 0 1 1}]
  alert_rule_test:
  - {eval_time: 30s, alertname: A}
  - {eval_time: 1m, alertname: A, exp_alerts: [{}]}
  - {eval_time: 1m59s, alertname: A, exp_alerts: [{}]}
  - {eval_time: 2m, alertname: A}
""",
            head="evaluation_interval: 1m",
        ),
    ),
    Case(
        "subqueries without a step take the evaluation interval",
        "groups: []",
        _tests(
            """
- interval: 1m
  input_series: [{series: up, values: 1x20}]
  promql_expr_test:
  - {expr: 'count_over_time(up[119s:])', eval_time: 5m, exp_samples: [{value: 4}]}
""",
            head="evaluation_interval: 30s",
        ),
    ),
    Case(
        "a scalar is a series without labels",
        _group("""
  - {record: r, expr: 1 + 1}
  - {alert: A, expr: time() > bool 30}
"""),
        _tests("""
- interval: 1m
  alert_rule_test: [{eval_time: 1m, alertname: A, exp_alerts: [{}]}]
  promql_expr_test:
  - {expr: r, eval_time: 1m, exp_samples: [{labels: r, value: 2}]}
  - {expr: 2 * 3, eval_time: 1m, exp_samples: [{labels: '', value: 6}]}
"""),
    ),
    Case(
        "a limit is not exceeded by as many",
        "groups: [{name: g, limit: 2, rules: [{record: r, expr: up}, {alert: A, expr: up}]}]",
        _tests("""
- interval: 1m
  input_series: [{series: 'up{i="1"}', values: 1}, {series: 'up{i="2"}', values: 1}]
  promql_expr_test: [{expr: count(r), exp_samples: [{value: 2}]}]
"""),
    ),
]

NEWER = [
    Case(
        "a group's labels are given to all its rules",
        """
groups:
- name: g
  labels: {a: group, b: group}
  rules: [{record: r, expr: up, labels: {b: rule}}]
""",
        _tests("""
- interval: 1m
  input_series: [{series: up, values: 1}]
  promql_expr_test:
  - {expr: r, eval_time: 0, exp_samples: [{labels: 'r{a="group", b="rule"}', value: 1}]}
"""),
    ),
    Case(
        "a query offset looks back",
        """
groups:
- name: g
  query_offset: 1m
  rules: [{record: r, expr: up}, {alert: A, expr: up == 2, for: 1m}]
""",
        _tests("""
- interval: 1m
  input_series: [{series: up, values: 1 2 2 2}]
  alert_rule_test:
  - {eval_time: 2m, alertname: A}
  - {eval_time: 3m, alertname: A, exp_alerts: [{}]}
  promql_expr_test:
  - {expr: timestamp(r), eval_time: 3m, exp_samples: [{value: 120}]}
  - {expr: ALERTS_FOR_STATE, eval_time: 3m,
     exp_samples: [{labels: 'ALERTS_FOR_STATE{alertname="A"}', value: 120}]}
"""),
    ),
    Case(
        "a test begins at its start",
        _group("  - {alert: A, expr: hour() == 12}"),
        _tests("""
- start_timestamp: 2026-01-01T11:58:00Z
  input_series: [{series: up, values: 1 2 3}]
  alert_rule_test:
  - {eval_time: 1m, alertname: A}
  - {eval_time: 2m, alertname: A, exp_alerts: [{}]}
  promql_expr_test:
  - {expr: time(), eval_time: 1m, exp_samples: [{value: 1767268740}]}
- start_timestamp: 1767268680
  input_series: [{series: up, values: 1 2 3}]
  promql_expr_test:
  - {expr: timestamp(up), eval_time: 1m, exp_samples: [{value: 1767268740}]}
"""),
    ),
    Case(
        "numbers may differ in their last bit where that is wished",
        "groups: []",
        _tests(
            "- promql_expr_test: [{expr: 0.1 + 0.2, exp_samples: [{value: 0.3}]}]",
            head="fuzzy_compare: true",
        ),
    ),
]

WRONG = [
    Case(
        "alerts and samples differ",
        _group("  - {alert: A, expr: up == 0, annotations: {summary: 'say \"hi\"'}}"),
        _tests("""
- name: first
  interval: 1m
  input_series: [{series: 'up{i="1"}', values: 0}, {series: 'up{i="2"}', values: 0}]
  alert_rule_test:
  - {eval_time: 4m, alertname: A}
  - {eval_time: 0, alertname: A, exp_alerts: [{exp_labels: {i: '1'}}, {exp_labels: {i: '3'}}]}
  - {eval_time: 1h30m, alertname: B, exp_alerts: [{exp_annotations: {a: b}}]}
  promql_expr_test:
  - {expr: up, eval_time: 1m, exp_samples: [{labels: up, value: -1.5e-300}, {value: .inf}]}
  - {expr: 'up{i="4"}', eval_time: 1m, exp_samples: [{labels: '{a="b"}', value: 123456}]}
- interval: 1m
  input_series: [{series: up, values: 1}]
  promql_expr_test:
  - {expr: up, eval_time: 0, exp_samples: []}
  - {expr: 0.1 + 0.2, eval_time: 90s, exp_samples: [{value: 0.3}]}
"""),
    ),
    Case(
        "no number equals what is none",
        "groups: []",
        _tests("- promql_expr_test: [{expr: 0 / 0, eval_time: 0, exp_samples: [{value: .nan}]}]"),
    ),
    Case(
        "a limit is exceeded",
        "groups: [{name: g, limit: 1, rules: [{record: r, expr: up}, {alert: A, expr: up}]}]",
        _tests("""
- interval: 1m
  input_series: [{series: 'up{i="1"}', values: 1}, {series: 'up{i="2"}', values: _ 1}]
  promql_expr_test: [{expr: count(r), eval_time: 5m}]
"""),
    ),
    Case(
        "an expression of a rule fails",
        _group('  - {record: r, expr: \'label_replace(up, "i", "", "", "")\'}'),
        _tests("""
- interval: 1m
  input_series: [{series: 'up{i="1"}', values: _x90 1}, {series: 'up{i="2"}', values: _x90 1}]
  promql_expr_test: [{expr: r, eval_time: 2h}]
"""),
    ),
    Case(
        "an alert has no name",
        "groups: []",
        _tests("- {name: t, alert_rule_test: [{eval_time: 1m30s}]}"),
    ),
    Case(
        "a group is ordered twice",
        "groups: []",
        _tests("- {}", head="group_eval_order: [a, a]"),
    ),
    Case(
        "the test file has unknown fields",
        "groups: []",
        _tests("- name: t\n  alert_test: []\n  promql_expr_test:\n  - exp_sample: []\n"),
    ),
    Case(
        "the rules are wrong",
        """
groups:
- name: g
  rules:
  - alert: A
    expr: sum(up
  - record: r
    for: 5m
    expr: up
""",
        _tests("- {}"),
    ),
    Case(
        "numbers are texts",
        "groups: []",
        _tests("- promql_expr_test: [{expr: up, exp_samples: [{labels: up, value: high}]}]"),
    ),
]
