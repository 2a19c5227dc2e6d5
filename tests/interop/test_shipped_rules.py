"""Prometheus's own tool accepts the shipped rules, and their unit tests pass in it too."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from observability.embedded.locations import PROJECT_DIR

PROMTOOL = shutil.which("promtool")
RULES = PROJECT_DIR / "deploy" / "prometheus" / "rules"

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus)"),
]


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yml")), ids=lambda path: path.stem)
def test_promtool_finds_nothing_wrong(path: Path) -> None:
    result = promtool("check", "rules", str(path))

    assert result.returncode == 0, result.stderr
    assert "SUCCESS" in result.stdout


@pytest.mark.parametrize(
    "path", sorted((RULES / "tests").glob("*.yml")), ids=lambda path: path.stem
)
def test_unit_tests_pass_in_promtool(path: Path) -> None:
    result = promtool("test", "rules", str(path))

    assert result.returncode == 0, result.stdout + result.stderr


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROMTOOL), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
