"""The programs that are measured: started on the loopback in a folder of their own, and ended."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil

from observability.embedded.leftovers import PROGRAM_MARK

PROJECT_DIR = Path(__file__).resolve().parent.parent
KEY = "op_benchmrk_0123456789abcdefghijABCDEFGHIJ0123456789abc"
_START_SECONDS = 120
# What all processes together may use of a core when nobody asks for anything.
_IDLE_SHARE, _IDLE_SECONDS = 0.3, 2.0


@dataclass(frozen=True, slots=True)
class System:
    """A running program that takes remote write at `/api/v1/write`.

    Attributes:
        name: As it stands in the table.
        port: On 127.0.0.1.
        process: The root of its processes.
        data_dir: Where the portal keeps its data.
    """

    name: str
    port: int
    process: subprocess.Popen[bytes]
    data_dir: Path

    def cpu_seconds(self) -> float:
        """Return what all its processes have used so far, those that have ended included."""
        return self._sum(lambda process: sum(process.cpu_times()[:4]))

    def memory_bytes(self) -> int:
        """Return the memory that its processes hold, shared pages divided among them."""
        return int(self._sum(lambda process: process.memory_full_info().pss))

    def wait_until_idle(self) -> None:
        """Wait until its processes have started: until they use little CPU for two seconds."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            before = self.cpu_seconds()
            time.sleep(_IDLE_SECONDS)
            if self.cpu_seconds() - before < _IDLE_SHARE * _IDLE_SECONDS:
                return

    def processes_of(self, program: str) -> list[psutil.Process]:
        """Return the processes that one of the portal's programs consists of."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has just ended
                if process.environ().get(PROGRAM_MARK) == program:
                    found.append(process)
        return found

    def _sum(self, figure: Callable[[psutil.Process], float]) -> float:
        root = psutil.Process(self.process.pid)
        total = 0.0
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # it has just ended
                total += figure(process)
        return total


@contextmanager
def prometheus(folder: Path | None = None) -> Iterator[System]:
    """Run Prometheus as a receiver of remote write that scrapes nothing; keep its data in a folder."""

    def command(folder: Path, port: int) -> list[str]:
        config = folder / "prometheus.yml"
        config.write_text("global: {}\n")
        return [
            shutil.which("prometheus") or "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
        ]

    with _running("Prometheus", command, ready_path="/-/ready", kept=folder) as system:
        yield system


def has_victoria_metrics() -> bool:
    """Say whether VictoriaMetrics is installed, which no benchmark needs."""
    return shutil.which("victoria-metrics") is not None


@contextmanager
def victoria_metrics(folder: Path | None = None) -> Iterator[System]:
    """Run VictoriaMetrics as a receiver of remote write; keep its data in a folder."""

    def command(folder: Path, port: int) -> list[str]:
        return [
            shutil.which("victoria-metrics") or "victoria-metrics",
            f"-storageDataPath={folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{port}",
        ]

    with _running("VictoriaMetrics", command, ready_path="/health", kept=folder) as system:
        yield system


@contextmanager
def portal(folder: Path | None = None, **settings: str) -> Iterator[System]:
    """Run the whole portal as `make run` does; keep its data in a folder.

    What it records of itself and its host would get among series of the same names: once an hour is
    as seldom as it can be.
    """

    def command(folder: Path, port: int) -> list[str]:
        return [sys.executable, "-m", "observability.embedded", "run"]

    with _running(
        "Portal",
        command,
        ready_path="/health/ready",
        kept=folder,
        settings={"HOST_COLLECTOR_INTERVAL": "3600", **settings},
    ) as system:
        yield system


@contextmanager
def _running(
    name: str,
    command: Callable[[Path, int], list[str]],
    *,
    ready_path: str,
    kept: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[System]:
    folder = kept or Path(tempfile.mkdtemp(prefix="portal-benchmark-"))
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(folder / "var"),
        "PORT": str(port),
        "BOOTSTRAP_API_KEY": KEY,
        "WEB_CONCURRENCY": os.environ.get("WEB_CONCURRENCY", "2"),
        **(settings or {}),
    }
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command(folder, port),
            cwd=PROJECT_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, port, ready_path, folder / "output.txt")
        yield System(name, port, process, folder / "var")
    finally:
        process.terminate()
        process.wait(120)
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, path: str, output: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        client = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            client.request("GET", path)
            if client.getresponse().status == 200:
                return
        except OSError:
            pass  # still starting
        finally:
            client.close()
        time.sleep(0.1)
    raise SystemExit(f"it does not start:\n{output.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
