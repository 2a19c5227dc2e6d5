"""`manage.py test_rules` beside `promtool test rules`: the same verdict, the same output."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from observability.embedded.locations import PROJECT_DIR
from tests.alerts.rules.unit_tests.cases import CASES, WRONG, Case

PROMTOOL = shutil.which("promtool")
OURS = [sys.executable, str(PROJECT_DIR / "manage.py"), "test_rules"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus)"),
]


@pytest.mark.parametrize("case", [*CASES, *WRONG], ids=str)
def test_verdict_and_output_are_those_of_promtool(case: Case, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(case.rules, encoding="utf-8")
    (tmp_path / "test.yml").write_text(case.tests, encoding="utf-8")

    theirs = _run([str(PROMTOOL), "test", "rules", "test.yml"], tmp_path)
    ours = _run([*OURS, "test.yml"], tmp_path)

    assert ours.stdout == theirs.stdout
    assert ours.stderr == theirs.stderr
    assert ours.returncode == theirs.returncode == (case in WRONG)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
