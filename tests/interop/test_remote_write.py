"""A real Prometheus writes what it scrapes into the portal: every sample arrives as it was."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.portal_process import PortalProcess, free_port

PROMETHEUS = shutil.which("prometheus")
NODE_EXPORTER = shutil.which("prometheus-node-exporter")
KEY = "op_interop0_0123456789abcdefghijABCDEFGHIJ0123456789abc"
SCRAPES = 20

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus (Debian: prometheus)"),
    pytest.mark.skipif(
        NODE_EXPORTER is None, reason="no node_exporter (Debian: prometheus-node-exporter)"
    ),
]

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: far-prometheus
    static_configs: [{{targets: ["127.0.0.1:{prometheus}"]}}]
  - job_name: far-node
    static_configs: [{{targets: ["127.0.0.1:{node_exporter}"]}}]
remote_write:
  - url: http://127.0.0.1:{portal}/api/v1/write
    authorization: {{credentials: {key}}}
    queue_config: {{batch_send_deadline: 1s}}
    metadata_config: {{send_interval: 2s}}
"""


@dataclass(frozen=True)
class Queryable:
    """Anything that answers Prometheus's query API."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def query(self, expr: str, at: float | None = None) -> Any:
        parameters = {"query": expr} | ({} if at is None else {"time": str(at)})
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode(parameters)}",
            headers=self.headers,
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["data"]["result"]

    def samples(self, at: float) -> dict[str, Any]:
        """Every scraped sample of the last minute before `at`, by series."""
        found = self.query('{__name__=~".+",job=~"far-.*"}[1m]', at)
        return {json.dumps(s["metric"], sort_keys=True): s["values"] for s in found}


def wait_for(condition: Callable[[], Any], *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (urllib.error.URLError, ConnectionError):
            pass  # still starting
        time.sleep(0.2)
    pytest.fail("it has not got there in time")


@contextmanager
def running(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queryable]:
    process = PortalProcess.start(
        tmp_path_factory.mktemp("remote-write") / "var", BOOTSTRAP_API_KEY=KEY
    )
    try:
        process.wait_until_it_runs()
        yield Queryable(process.port, {"Authorization": f"Bearer {KEY}"})
    finally:
        process.end()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, portal: Queryable) -> Iterator[Queryable]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    ports = {"prometheus": free_port(), "node_exporter": free_port()}
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(**ports, portal=portal.port, key=KEY))
    with (
        running(
            str(NODE_EXPORTER),
            f"--web.listen-address=127.0.0.1:{ports['node_exporter']}",
            "--log.level=error",
        ),
        running(
            str(PROMETHEUS),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
        ),
    ):
        yield Queryable(ports["prometheus"])


def test_every_sample_arrives_equal(prometheus: Queryable, portal: Queryable) -> None:
    wait_for(lambda: len(prometheus.query(f"count_over_time(up[1m]) >= {SCRAPES}")) == 2)
    at = time.time() - 2
    expected = prometheus.samples(at)

    wait_for(lambda: portal.samples(at).keys() >= expected.keys(), seconds=30)
    wait_for(
        lambda: sum(map(len, portal.samples(at).values())) >= sum(map(len, expected.values())),
        seconds=30,
    )

    assert portal.samples(at) == expected
    assert len(expected) > 500
    assert prometheus.query("prometheus_remote_storage_samples_failed_total > 0") == []


def test_metadata_arrives(prometheus: Queryable, portal: Queryable) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{portal.port}/api/metrics?name=prometheus_http_requests_total&page_size=100",
        headers={**portal.headers, "Accept": "application/json"},
    )

    def is_counter() -> bool:
        with urllib.request.urlopen(request, timeout=30) as response:
            return any(s["type"] == "counter" for s in json.load(response)["results"])

    wait_for(is_counter, seconds=30)
