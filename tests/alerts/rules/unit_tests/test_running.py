"""`manage.py test_rules` as people use it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command

from observability.embedded.locations import PROJECT_DIR

_BESIDE_THE_PROJECT = PROJECT_DIR.parent / "shared" / "conformance"
CONFORMANCE = Path(os.environ.get("CONFORMANCE_DIR", _BESIDE_THE_PROJECT)) / "promql" / "test_rules"

RULES = """
groups:
  - name: example
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: Down
        expr: up == 0
        for: 2m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} is down, value {{ $value }}"}
"""

PASSING = """
rule_files: [rules.yml]
tests:
  - name: one of two is down
    input_series:
      - {series: 'up{job="a", instance="x"}', values: 1 0x5}
      - {series: 'up{job="a", instance="y"}', values: 1x6}
    alert_rule_test:
      - {eval_time: 2m, alertname: Down}
      - eval_time: 3m
        alertname: Down
        exp_alerts:
          - exp_labels: {severity: page, job: a, instance: x}
            exp_annotations: {summary: "x is down, value 0"}
    promql_expr_test:
      - expr: job:up:sum
        eval_time: 5m
        exp_samples: [{labels: 'job:up:sum{job="a"}', value: 1}]
      - {expr: 1 + 1, eval_time: 0s, exp_samples: [{value: 2}]}
"""

FAILING = """
rule_files: [rules.yml]
tests:
  - name: too early
    input_series: [{series: 'up{job="a", instance="x"}', values: 0x5}]
    alert_rule_test:
      - eval_time: 1m
        alertname: Down
        exp_alerts: [{exp_labels: {severity: page}}]
      - {eval_time: 2m30s, alertname: Down}
    promql_expr_test:
      - expr: job:up:sum
        eval_time: 1m
        exp_samples: [{labels: 'job:up:sum{job="a"}', value: 1.5e-7}]
      - {expr: up > 0, eval_time: 1m, exp_samples: [{labels: up, value: 1}]}
      - {expr: up +, eval_time: 1m}
"""

FAILURES = """\
    name: too early,
    alertname: Down, time: 1m, 
        exp:[
            0:
              Labels:{alertname="Down", severity="page"}
              Annotations:{}
            ], 
        got:[]
    name: too early,
    alertname: Down, time: 2m30s, 
        exp:[], 
        got:[
            0:
              Labels:{alertname="Down", instance="x", job="a", severity="page"}
              Annotations:{summary="x is down, value 0"}
            ]
    expr: "job:up:sum", time: 1m,
        exp: {__name__="job:up:sum", job="a"} 1.5E-07
        got: {__name__="job:up:sum", job="a"} 0E+00
    expr: "up > 0", time: 1m,
        exp: {__name__="up"} 1E+00
        got: nil
    expr: "up +", time: 1m, err: 1:5: parse error: unexpected end of input
"""  # noqa: W291 (as promtool prints it)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run has left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def test_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Write files, by name, and run tests over those that the arguments name."""
    monkeypatch.chdir(tmp_path)

    def run(files: dict[str, str], *arguments: str) -> Ran:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        out, err, status = StringIO(), StringIO(), 0
        try:
            call_command("test_rules", *(arguments or ["test.yml"]), stdout=out, stderr=err)
        except SystemExit as end:
            status = int(end.code or 0)
        return Ran(status, out.getvalue(), err.getvalue())

    return run


def test_a_file_whose_tests_pass_is_a_success(test_rules: Callable[..., Ran]) -> None:
    ran = test_rules({"rules.yml": RULES, "test.yml": PASSING})

    assert ran == Ran(0, "Unit Testing:  test.yml\n  SUCCESS\n\n", "")


def test_what_differs_is_shown_as_promtool_shows_it(test_rules: Callable[..., Ran]) -> None:
    ran = test_rules({"rules.yml": RULES, "test.yml": FAILING})

    assert ran.status == 1
    assert ran.err == "  FAILED:\n" + FAILURES
    assert ran.out == "Unit Testing:  test.yml\n\n\n\n\n\n\n"


def test_each_file_is_told_by_itself(test_rules: Callable[..., Ran]) -> None:
    files = {"rules.yml": RULES, "good.yml": PASSING, "bad.yml": FAILING}

    ran = test_rules(files, "good.yml", "bad.yml", "none.yml")

    assert ran.status == 1
    assert ran.out.startswith("Unit Testing:  good.yml\n  SUCCESS\n\nUnit Testing:  bad.yml\n")
    assert ran.err.endswith("  FAILED:\nopen none.yml: no such file or directory\n")


@pytest.mark.parametrize(
    ("rules", "test", "fault"),
    [
        pytest.param(
            "groups: [{name: a, rules: [{alert: b, expr: 'up =='}]}]",
            PASSING,
            'rules.yml: 1:45: group "a", rule 1, "b": could not parse expression: '
            "1:6: parse error: unexpected end of input",
            id="a rule without end",
        ),
        pytest.param(
            RULES + "extra: 1\n",
            PASSING,
            "rules.yml: yaml: unmarshal errors:\n"
            "  line 12: field extra not found in type rulefmt.RuleGroups",
            id="an unknown field of the rules",
        ),
        pytest.param(
            RULES,
            PASSING + "tests_too: []\n",
            "yaml: unmarshal errors:\n"
            "  line 20: field tests_too not found in type main.unitTestFile",
            id="an unknown field of the tests",
        ),
        pytest.param(
            RULES,
            "group_eval_order: [a, b, a]\ntests: [{}]",
            "group name repeated in evaluation order: a",
            id="a group ordered twice",
        ),
        pytest.param(
            RULES,
            "tests: [{name: t, alert_rule_test: [{eval_time: 5m}]}]",
            "an item under alert_rule_test misses required attribute alertname at eval_time 5m"
            " (in TestGroup t)",
            id="no alertname",
        ),
        pytest.param(
            RULES,
            "tests: [{input_series: [{series: 'up{job=5}', values: 1}]}]",
            "1:8: parse error: unexpected character inside braces: '5'",
            id="no series",
        ),
        pytest.param(
            RULES,
            "tests: [{input_series: [{series: up, values: '1 {{count:5}}'}]}]",
            "1:6: parse error: native histograms are not supported, samples are floats",
            id="a histogram",
        ),
        pytest.param(
            RULES,
            "tests: [{promql_expr_test: [{expr: up, exp_samples: [{labels: '{', value: 1}]}]}]",
            '    expr: "up", time: 0s, err: labels "{": '
            "1:2: parse error: unexpected end of input inside braces",
            id="no labels expected",
        ),
        pytest.param(
            RULES,
            "tests: [{promql_expr_test: [{expr: up, exp_samples: [{histogram: '{{}}'}]}]}]",
            '    expr: "up", time: 0s, err: labels "": '
            "native histograms are not supported, samples are floats",
            id="a histogram expected",
        ),
        pytest.param(
            RULES,
            "tests: [{promql_expr_test: [{expr: 'up[5m]'}]}]",
            '    expr: "up[5m]", time: 0s, err: '
            "the result is a matrix, but a rule needs a vector or a scalar",
            id="a range vector",
        ),
        pytest.param(
            "groups: [{name: a, rules: [{record: b, expr: 'up / on(job) up'}]}]",
            "rule_files: [rules.yml]\ntests: [{start_timestamp: 90, interval: 1s, input_series: "
            "[{series: 'up{x=\"1\"}', values: 1}, {series: 'up{x=\"2\"}', values: 1}]}]",
            "    rule: b, time: 1m30s, err: found duplicate series for the match group {} on the "
            'right hand-side of the operation: [{__name__="up", x="1"}, {__name__="up", x="2"}];'
            "many-to-many matching not allowed: matching labels must be unique on one side",
            id="a rule that cannot be evaluated",
        ),
    ],
)
def test_what_is_broken_is_told_with_its_place(
    test_rules: Callable[..., Ran], rules: str, test: str, fault: str
) -> None:
    ran = test_rules({"rules.yml": rules, "test.yml": test})

    assert (ran.status, ran.err) == (1, f"  FAILED:\n{fault}\n")


def test_rule_files_are_found_beside_the_test_file(test_rules: Callable[..., Ran]) -> None:
    test = PASSING.replace("[rules.yml]", "['../rules/*.yml', '../none/*.yml']")

    ran = test_rules({"rules/a.yml": RULES, "tests/a.yml": test}, "tests/a.yml")

    assert (ran.status, ran.err) == (0, "  WARNING: no file match pattern none/*.yml\n")


def test_groups_of_tests_are_chosen_by_their_names(test_rules: Callable[..., Ran]) -> None:
    two = PASSING + FAILING.partition("tests:\n")[2]
    files = {"rules.yml": RULES, "test.yml": two}

    assert test_rules(files).status == 1
    assert test_rules(files, "test.yml", "--run", "^one", "--run", "nothing").status == 0
    assert test_rules(files, "test.yml", "--run", "early$").status == 1


def test_a_pattern_that_is_none_is_refused(test_rules: Callable[..., Ran]) -> None:
    with pytest.raises(CommandError, match=r"--run: error parsing regexp: missing closing"):
        test_rules({}, "test.yml", "--run", "(")


def test_unknown_fields_are_let_through_where_that_is_wished(
    test_rules: Callable[..., Ran],
) -> None:
    files = {"rules.yml": RULES + "owner: a\n", "test.yml": PASSING + "owner: b\n"}

    assert test_rules(files).status == 1
    assert test_rules(files, "test.yml", "--ignore-unknown-fields").status == 0


def test_differences_are_shown_in_colours(test_rules: Callable[..., Ran]) -> None:
    test = PASSING.replace("severity: page, job: a", "severity: mail, team: b")

    ran = test_rules({"rules.yml": RULES, "test.yml": test}, "test.yml", "--diff")

    assert '                        \x1b[0;32m"job": "a"\x1b[0m,\n' in ran.err
    assert '                        "severity": \x1b[0;33m"mail" => "page"\x1b[0m,\n' in ran.err
    assert '                        \x1b[0;31m"team": "b"\x1b[0m\n' in ran.err


def test_results_are_written_for_build_servers(
    test_rules: Callable[..., Ran], tmp_path: Path
) -> None:
    files = {"rules.yml": RULES, "good.yml": PASSING, "bad.yml": FAILING, "no.yml": "tests: 5"}

    test_rules(files, "good.yml", "bad.yml", "no.yml", "--junit", "results.xml")

    suites = ElementTree.parse(tmp_path / "results.xml").getroot()  # noqa: S314 (our own file)
    assert [dict(suite.attrib) | {"timestamp": ""} for suite in suites] == [
        _suite("good.yml", failures=0, errors=0),
        _suite("bad.yml", failures=5, errors=0),
        _suite("no.yml", failures=0, errors=1),
    ]
    assert suites[1][0].attrib == {"name": "too early"}
    assert "got:[]" in (suites[1][0][0].text or "")


def _suite(name: str, *, failures: int, errors: int) -> dict[str, str]:
    counts = {"tests": "1", "failures": str(failures), "errors": str(errors), "skipped": "0"}
    return {"name": name, "timestamp": "", **counts}


def test_all_samples_are_dumped_where_that_is_wished(test_rules: Callable[..., Ran]) -> None:
    ran = test_rules({"rules.yml": RULES, "test.yml": PASSING}, "test.yml", "--debug")

    assert "DEBUG: Starting test one of two is down\n" in ran.err
    assert '{__name__="job:up:sum", job="a"} =>\n2 @[0]\n1 @[60000]\n' in ran.err
    assert re.search(r"DEBUG: Test one of two is down finished, took \d+\.\d{3}s\n", ran.err)


def test_no_server_and_no_settings_are_needed(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "test.yml").write_text(PASSING)
    bare = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "never started")}

    done = subprocess.run(
        [sys.executable, PROJECT_DIR / "manage.py", "test_rules", "test.yml"],
        cwd=tmp_path,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Unit Testing:  test.yml\n  SUCCESS\n\n"


@pytest.mark.skipif(
    not CONFORMANCE.is_dir(), reason=f"no test files in {CONFORMANCE} (set CONFORMANCE_DIR)"
)
def test_the_cases_of_prometheus_pass() -> None:
    files = sorted(map(str, CONFORMANCE.glob("*.yml")))
    out, err = StringIO(), StringIO()

    call_command("test_rules", *files, stdout=out, stderr=err)

    assert err.getvalue() == ""
    assert out.getvalue().count("  SUCCESS\n") == len(files) >= 7


def test_the_example_of_the_documentation_passes(test_rules: Callable[..., Ran]) -> None:
    document = (PROJECT_DIR / "docs" / "rules.md").read_text(encoding="utf-8")
    section = document.partition("\n## Testing rules\n")[2].partition("\n## ")[0]
    rules, tests = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)

    ran = test_rules({"rules.yml": rules, "rules_test.yml": tests}, "rules_test.yml")

    assert ran == Ran(0, "Unit Testing:  rules_test.yml\n  SUCCESS\n\n", "")
