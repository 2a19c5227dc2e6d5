"""A whole portal and a Prometheus that hold the same samples, for clients that ask both."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.portal_process import PortalProcess, free_port, wait_for
from tests.metrics.prometheus_api.grafana import samples

KEY = "op_interop0_0123456789abcdefghijABCDEFGHIJ0123456789abc"


@dataclass(frozen=True, slots=True)
class Server:
    """Something that has Prometheus's HTTP API.

    Attributes:
        port: On this machine.
        key: What it is asked with, '' for none.
        first: The Unix time of the first of its samples.
    """

    port: int
    first: int
    key: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Return its address, as programs take it that know Basic authentication by addresses alone."""
        return f"http://{f'any:{self.key}@' if self.key else ''}127.0.0.1:{self.port}"

    def get(self, path: str, **parameters: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(parameters, doseq=True)}",
            headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["data"]

    def query(self, expr: str) -> Any:
        return self.get("/api/v1/query", query=expr, time=self.first + 600)["result"]


@pytest.fixture(scope="session")
def first() -> int:
    """The time of the first sample: half an hour ago, in whole minutes."""
    return int(time.time()) // 60 * 60 - 1_800


@pytest.fixture(scope="session")
def filled_portal(tmp_path_factory: pytest.TempPathFactory, first: int) -> Iterator[Server]:
    process = PortalProcess.start(
        tmp_path_factory.mktemp("filled") / "var", BOOTSTRAP_API_KEY=KEY, PROMETHEUS_ENABLED="0"
    )
    try:
        process.wait_until_it_runs()
        request = urllib.request.Request(
            f"http://127.0.0.1:{process.port}/api/metrics",
            data=json.dumps(samples(first)).encode(),
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30):
            pass
        yield Server(process.port, first, KEY)
    finally:
        process.end()


@pytest.fixture(scope="session")
def filled_prometheus(tmp_path_factory: pytest.TempPathFactory, first: int) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("filled-prometheus")
    _make_blocks(folder, first)
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    server = Server(free_port(), first)
    process = subprocess.Popen(
        [
            str(shutil.which("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{server.port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: _answers(server))
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _make_blocks(folder: Path, first: int) -> None:
    lines: dict[str, list[str]] = {}
    for sample in samples(first):
        labels = ",".join(f'{name}="{value}"' for name, value in sample["labels"].items())
        line = f"{sample['name']}{{{labels}}} {sample['value']} {sample['timestamp']}\n"
        lines.setdefault(sample["name"], [f"# TYPE {sample['name'].removesuffix('_total')} {sample['type']}\n"]).append(line)  # fmt: skip
    text = "".join(line for family in lines.values() for line in family) + "# EOF\n"
    (folder / "samples.txt").write_text(text)
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples.txt", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def _answers(server: Server) -> bool:
    try:
        return bool(server.query("up"))
    except (urllib.error.URLError, ConnectionError):
        return False
