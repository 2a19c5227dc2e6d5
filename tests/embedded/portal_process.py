"""A whole portal as `make run` starts it, driven from outside: its process, its signals, its page."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from observability.embedded.leftovers import find_leftovers
from observability.embedded.locations import PROJECT_DIR

GIVEN_TO_TESTS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEY", "DATA_DIR")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.05)


def environment(data_dir: Path, port: int, **extra: str) -> dict[str, str]:
    """The environment of a bare machine: nothing of what the test run has set for itself."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in GIVEN_TO_TESTS and not name.startswith(("PROMETHEUS_", "PYTEST_"))
    }
    return {**kept, "DATA_DIR": str(data_dir), "PORT": str(port), **extra}


def run_until_it_ends(data_dir: Path, port: int, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "observability.embedded", "run"],
        cwd=PROJECT_DIR,
        env=environment(data_dir, port, **extra),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass(frozen=True)
class PortalProcess:
    launcher: subprocess.Popen[str]
    data_dir: Path
    port: int
    output_path: Path

    @classmethod
    def start(cls, data_dir: Path, **extra: str) -> "PortalProcess":
        port = free_port()
        output_path = data_dir.with_name(f"{data_dir.name}-output-{port}.txt")
        with output_path.open("w") as output:
            launcher = subprocess.Popen(
                [sys.executable, "-m", "observability.embedded", "run"],
                cwd=PROJECT_DIR,
                env=environment(data_dir, port, **extra),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return cls(launcher, data_dir, port, output_path)

    @property
    def output(self) -> str:
        return self.output_path.read_text()

    def wait_until_it_runs(self) -> None:
        wait_for(lambda: "The portal runs" in self.output or self.launcher.poll() is not None)
        assert self.launcher.poll() is None, self.output

    def answers(self, path: str = "/health/live") -> bool:
        client = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request("GET", path)
            return client.getresponse().status < 500
        except (OSError, HTTPException):
            return False
        finally:
            client.close()

    def processes(self) -> dict[psutil.Process, str]:
        return find_leftovers(self.data_dir)

    @property
    def supervisor(self) -> psutil.Process:
        return next(p for p, program in self.processes().items() if program == "supervisor")

    def process_of(self, program: str) -> psutil.Process | None:
        """The process that the supervisor watches over as `program`, once it has become it."""
        supervisors = [p.pid for p, name in self.processes().items() if name == "supervisor"]
        for process, name in self.processes().items():
            try:
                if name == program and process.ppid() in supervisors:
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    def end(self) -> int:
        self.launcher.terminate()
        return self.launcher.wait(120)
