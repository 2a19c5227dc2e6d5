"""A real Prometheus scrapes the portal."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

BINARY = shutil.which("prometheus")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(BINARY is None, reason="no Prometheus (Debian: prometheus)"),
    pytest.mark.django_db(transaction=True),
]

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: portal
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """A running Prometheus, asked over its HTTP API."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://{self.address}{path}?{query}", timeout=10) as response:
            return json.load(response)["data"]

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except (urllib.error.URLError, ConnectionError):
                pass  # still starting
            time.sleep(0.1)
        pytest.fail("Prometheus has not got there within 60 s")


@pytest.fixture
def prometheus(tmp_path: Path, live_server: LiveServer) -> Iterator[Prometheus]:
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(target=live_server.url.removeprefix("http://")))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            str(BINARY),
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address={address}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Prometheus(address)
    finally:
        process.terminate()
        process.wait(20)


def test_prometheus_scrapes_without_an_error(prometheus: Prometheus) -> None:
    def is_scraped() -> bool:
        targets = prometheus.get("/api/v1/targets")["activeTargets"]
        return bool(targets) and targets[0]["health"] != "unknown"

    prometheus.wait(is_scraped)

    [target] = prometheus.get("/api/v1/targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_prometheus_sees_its_own_scrapes_counted(prometheus: Prometheus) -> None:
    expr = 'http_requests_total{route="/metrics/",status="200"} > 1'

    prometheus.wait(lambda: bool(prometheus.get("/api/v1/query", query=expr)["result"]))

    # Prometheus asks for OpenMetrics, where a counter's family has no `_total`.
    metadata = prometheus.get("/api/v1/metadata", metric="http_requests")
    assert metadata["http_requests"][0]["type"] == "counter"
