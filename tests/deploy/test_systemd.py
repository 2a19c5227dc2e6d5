from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from observability.embedded.locations import PROJECT_DIR
from observability.embedded.supervision import STOP_SECONDS

PATH = PROJECT_DIR / "deploy" / "systemd" / "observability-portal.service"


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    text = PATH.read_text(encoding="utf-8")
    python = "/opt/observability-portal/.venv/bin/python"
    copy = tmp_path / PATH.name
    copy.write_text(text.replace(python, sys.executable), encoding="utf-8")

    result = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )

    complaints = [line for line in result.stderr.splitlines() if PATH.name in line]
    assert python in text
    assert (result.returncode, complaints) == (0, []), result.stderr


def test_service_waits_for_the_portal_to_stop_in_good_order() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", PATH.read_text(encoding="utf-8"), re.M)

    assert int(seconds) > STOP_SECONDS
