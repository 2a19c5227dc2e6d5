"""Real processes that count own metrics in a folder, for the tests of what becomes of their files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

PRELUDE = """
import os, signal, sys, threading, time
signal.alarm(100)  # a test that goes wrong must not wait for ever
import observability.telemetry
from prometheus_client import Counter, Gauge, Histogram
from observability.telemetry.own_files import Folder
"""


class Process:
    """A Python process that runs some code and then waits to be ended."""

    def __init__(self, folder: Path, code: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"{PRELUDE}\n{dedent(code)}\nprint('done', flush=True)\nsys.stdin.read()",
            ],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def wait_done(self) -> Process:
        """Return once the code has run; the process lives on."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "done\n"
        return self

    def kill(self) -> None:
        """End it and what it forked with SIGKILL, as the kernel's out-of-memory killer would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.communicate()

    def wait_end(self) -> int:
        """Wait until it ends by itself, and return its exit code."""
        self._process.communicate(timeout=30)
        return self._process.returncode


def run(folder: Path, code: str) -> None:
    """Run code in a process that is killed after it."""
    Process(folder, code).wait_done().kill()
