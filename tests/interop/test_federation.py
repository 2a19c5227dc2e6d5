"""A real Prometheus scrapes `/federate`."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.portal_process import free_port, wait_for

from .conftest import Server

PROMETHEUS = shutil.which("prometheus")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus (Debian: prometheus)"),
]

CONFIG = """
scrape_configs:
  - job_name: portal
    scrape_interval: 1s
    scrape_timeout: 1s
    metrics_path: /federate
    honor_labels: true
    params: {{"match[]": ['{{job="shop"}}', "no_such_metric"]}}
    authorization: {{credentials: {key}}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest.fixture
def federating(tmp_path: Path, filled_portal: Server) -> Iterator[int]:
    """Return the port of a Prometheus that federates from the portal."""
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(key=filled_portal.key, port=filled_portal.port))
    port = free_port()
    process = subprocess.Popen(
        [
            str(PROMETHEUS),
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def query(port: int, expr: str) -> Any:
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]["result"]
    except (urllib.error.URLError, ConnectionError):
        return []  # still starting


def test_samples_arrive_with_their_labels_and_times(filled_portal: Server, federating: int) -> None:
    at = round(time.time(), 3)
    samples = [
        {"name": "orders_total", "labels": {"job": "shop", "instance": "s:1"}, "value": 12345678, "timestamp": at},
        {"name": "queue_length", "labels": {"job": "shop", "text": 'a"b\\c'}, "value": 0.1, "timestamp": at},
    ]  # fmt: skip
    request = urllib.request.Request(
        f"http://127.0.0.1:{filled_portal.port}/api/metrics",
        data=json.dumps(samples).encode(),
        headers={
            "Authorization": f"Bearer {filled_portal.key}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30):
        pass

    wait_for(lambda: len(query(federating, '{job="shop"}')) == 2, seconds=60)

    found = {
        series["metric"]["__name__"]: series for series in query(federating, '{job="shop"}[5m]')
    }
    assert found["orders_total"]["values"] == [[at, "12345678"]]
    assert found["queue_length"]["values"] == [[at, "0.1"]]
    # No `instance` of the portal was added to what has none.
    assert found["queue_length"]["metric"] == {"__name__": "queue_length", "job": "shop", "text": 'a"b\\c'}  # fmt: skip
    assert query(federating, 'up{job="portal"} == 1')
