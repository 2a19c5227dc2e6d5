"""The compiled code, made by a process of its own before the portal can answer."""

from __future__ import annotations

import os
import subprocess
import sys


def test_it_is_compiled_before_django_is_set_up() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}

    compiling = subprocess.run(
        [sys.executable, "-m", "observability.metrics.compiled_code"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (compiling.returncode, compiling.stderr) == (0, "")
