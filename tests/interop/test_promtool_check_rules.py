"""`manage.py check_rules` and exports beside `promtool check rules`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.files.targets import Version, for_target
from alerts.rules.files.writing import write_rules
from alerts.rules.states import Otherwise
from observability.embedded.locations import PROJECT_DIR
from tests.alerts.rules.unit_tests.cases import CASES

PROMTOOL = shutil.which("promtool")
OURS = [sys.executable, str(PROJECT_DIR / "manage.py"), "check_rules"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus)"),
]

_RULES = "groups:\n- name: g\n  rules:\n"
GOOD = {
    "nothing": "",
    "no groups": "groups: []\n",
    "one of each": _RULES + "  - {alert: A, expr: up == 0}\n  - {record: a:b, expr: sum(up)}\n",
    "twice": _RULES + "  - {alert: A, expr: up, labels: {b: '1', a: x}}\n" * 2,
    "all rules of the tests": CASES[0].rules,
}
BAD = {
    "no PromQL": _RULES + "  - {alert: A, expr: up ==}\n",
    "no expression": _RULES + "  - {alert: A}\n",
    "both kinds": _RULES + "  - {alert: A, record: a, expr: up}\n",
    "for of a recording rule": _RULES + "  - {record: a, expr: up, for: 5m}\n",
    "annotations of a recording rule": _RULES + "  - {record: a, expr: up, annotations: {a: b}}\n",
    "no name of a group": "groups:\n- rules: []\n",
    "two groups of one name": "groups:\n- name: a\n- name: a\n",
    "an unknown field": "foo: 1\n",
    "a wrong type": "groups: 3\n",
    "a template": _RULES + '  - {alert: A, expr: up, annotations: {a: "{{ $x }}"}}\n',
}


def test_good_files_are_told_alike(tmp_path: Path) -> None:
    theirs, ours = _both(GOOD, tmp_path)

    assert (ours.stdout, ours.stderr, ours.returncode) == (theirs.stdout, theirs.stderr, 0)
    assert theirs.returncode == 0


def test_wrong_files_are_told_alike(tmp_path: Path) -> None:
    theirs, ours = _both(BAD, tmp_path)

    assert ours.stdout == theirs.stdout
    assert _said(ours.stderr) == _said(theirs.stderr)
    assert ours.returncode == theirs.returncode == 1


def test_exports_for_its_version_pass(tmp_path: Path) -> None:
    group = FileGroup(
        name="g",
        interval_ms=30_000,
        query_offset_ms=5_000,
        limit=3,
        labels={"team": "a"},
        owner="ops",
        rules=[
            FileRule(record="job:up:sum", expr="sum by (job) (\n  up\n)\n"),
            FileRule(
                alert='y: "no" # {{',
                expr="up == 0",
                hold_ms=90_000,
                keep_firing_ms=60_000,
                labels={"severity": "critical", "y": "null"},
                annotations={"summary": "a\n\n  b: {{ $value }}\n\n", "odd": "\t\x7f\u2028 \n"},
                resolve_expr="up == 1",
                on_no_data=Otherwise.FIRE,
                form={"metric": "up"},
            ),
        ],
    )
    groups, _ = for_target([group], Version(2, 42))
    (tmp_path / "rules.yml").write_text(write_rules(groups), encoding="utf-8")

    theirs = _run([str(PROMTOOL), "check", "rules", "--lint-fatal", "rules.yml"], tmp_path)

    assert (theirs.stderr, theirs.returncode) == ("", 0)
    assert "SUCCESS: 2 rules found" in theirs.stdout


def _both(texts: dict[str, str], folder: Path) -> list[subprocess.CompletedProcess[str]]:
    names = [f"{name}.yml" for name in texts]
    for name, text in zip(names, texts.values(), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    return [
        _run([str(PROMTOOL), "check", "rules", *names], folder),
        _run([*OURS, "--lint=duplicate-rules", *names], folder),
    ]


def _said(text: str) -> set[str]:
    """Return what is said, without what versions of promtool say in ways of their own.

    Before 3.0 a place is missing where it is not known, and what is no YAML is told twice, the
    second time with another type.
    """
    text = re.sub(r"^([a-zA-Z ]+\.yml: )(?:\d+:\d+: )+", r"\1", text, flags=re.MULTILINE)
    text = text.replace("error parsing template __alert_A: ", "")
    return {line for line in text.splitlines() if not line.endswith("[]yaml.Node")}


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
