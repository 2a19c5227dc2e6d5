from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from observability.embedded.locations import PROJECT_DIR

GOOD = "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up == 0, for: 5m}\n"
TWICE = GOOD + "  - {alert: A, expr: up == 1, for: 5m}\n"
OWN = (
    "groups:\n- name: g\n  owner: ops\n  enabled: false\n  rules:\n"
    "  - alert: A\n    expr: up == 0\n    for: 5m\n    on_no_data: keep\n    on_error: fire\n"
    "    resolve_expr: up == 1\n    enabled: false\n"
    "    simple: {metric: up, operator: ==, threshold: 0}\n"
)
BAD = "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up ==}\n"


def check_rules(*arguments: str) -> tuple[int, str, str]:
    """Return the exit status and what was printed."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("check_rules", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("rules.yml")


def test_a_good_file_is_told_as_promtool_tells_it(file: Path) -> None:
    file.write_text(GOOD, encoding="utf-8")

    assert check_rules("--lint", "duplicate-rules", str(file)) == (
        0,
        "Checking rules.yml\n  SUCCESS: 1 rules found\n\n",
        "",
    )


def test_a_wrong_file_is_told_with_its_places(file: Path) -> None:
    file.write_text(BAD, encoding="utf-8")

    assert check_rules("--lint", "none", str(file)) == (
        1,
        "Checking rules.yml\n\n",
        '  FAILED:\nrules.yml: 4:22: group "g", rule 1, "A": could not parse expression: '
        "1:6: parse error: unexpected end of input\n",
    )


@pytest.mark.parametrize(("option", "status"), [([], 0), (["--lint-fatal"], 3)])
def test_rules_that_stand_twice_fail_only_when_asked(
    file: Path, option: list[str], status: int
) -> None:
    file.write_text(TWICE, encoding="utf-8")

    ended, _, err = check_rules("--lint=duplicate-rules", *option, str(file))

    assert ended == status
    assert err == (
        "  FAILED:\nlint error 1 duplicate rule(s) found.\nMetric: A\nLabel(s):\n"
        "Might cause inconsistency while recording expressions\n"
    )


def test_our_own_keys_are_no_errors(file: Path) -> None:
    file.write_text(OWN.replace("    resolve_expr: up == 1\n", ""), encoding="utf-8")

    assert check_rules("--lint=none", str(file))[0] == 0


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param("on_no_data: keep", "on_no_data: drop", 'expected keep, fire or resolve, got "drop"', id="no data"),
        pytest.param("resolve_expr: up == 1", "resolve_expr: up ==", "could not parse resolve expression", id="resolve"),
        pytest.param("metric: up", "metric: down", "'simple' says down == 0 where 'expr' says up == 0", id="form"),
        pytest.param("threshold: 0", "threshold: x", "invalid field 'simple': threshold: expected a number", id="threshold"),
        pytest.param("alert: A", "record: a", "invalid field 'resolve_expr' in recording rule", id="recording"),
    ],
)  # fmt: skip
def test_our_own_keys_are_checked(file: Path, before: str, after: str, message: str) -> None:
    file.write_text(OWN.replace(before, after), encoding="utf-8")

    status, _, err = check_rules("--lint=none", str(file))

    assert status == 1
    assert message in err


@pytest.mark.django_db
def test_lint_is_part_of_it_by_default(file: Path) -> None:
    file.write_text(GOOD.replace("expr: up", "expr: check_rules_nothing"), encoding="utf-8")

    status, out, err = check_rules(str(file))

    assert (status, err) == (0, "")
    assert out == (
        "Checking rules.yml\n  SUCCESS: 1 rules found\n  LINT: 1 finding\n"
        'rules.yml: 4:22: group "g", rule 1, "A": there is no metric check_rules_nothing; '
        "see which there are in the metrics explorer (missing-metric)\n\n"
    )


def test_an_unknown_check_is_refused(file: Path) -> None:
    file.write_text(GOOD, encoding="utf-8")

    with pytest.raises(CommandError, match="there is no check 'typos'"):
        check_rules("--lint=typos", str(file))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(CommandError, match="does not exist"):
        check_rules("--lint=none", "nowhere.yml")


def test_no_portal_is_needed(file: Path, tmp_path: Path) -> None:
    file.write_text(GOOD, encoding="utf-8")

    run = subprocess.run(
        [sys.executable, str(PROJECT_DIR / "manage.py"), "check_rules", "rules.yml"],
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "none")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout) == (0, "Checking rules.yml\n  SUCCESS: 1 rules found\n\n")
    assert run.stderr == (
        "Left out, as no portal was ever started here: missing-metric, unmatched-matcher,"
        " rate-of-gauge, far-threshold\n"
    )
