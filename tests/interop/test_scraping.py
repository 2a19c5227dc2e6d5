"""The portal scrapes a real node_exporter, as a real Prometheus beside it does, by the same configuration."""

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
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from observability.metrics.backend import get_backend
from observability.metrics.scraping.claims import TermsMemory, claim_due_targets
from observability.metrics.scraping.models import ScrapeTarget
from observability.metrics.scraping.recording import Outcome, record
from observability.metrics.scraping.scraper import scrape_claimed
from observability.promql import InstantVector

NODE_EXPORTER = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
PROMETHEUS = shutil.which("prometheus")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.django_db,
    pytest.mark.skipif(
        NODE_EXPORTER is None or PROMETHEUS is None,
        reason="no node_exporter or no Prometheus (Debian: prometheus-node-exporter, prometheus)",
    ),
]

# Relabeling of both kinds, so that the label sets of all series show whether it is done alike.
CONFIG = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["{target}"]
        labels: {{rack: r1, __meta_zone: eu-1a}}
    relabel_configs:
      - source_labels: [__meta_zone]
        regex: (.*)-.*
        target_label: region
      - source_labels: [__address__]
        target_label: shard
        modulus: 7
        action: hashmod
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: (go|process|promhttp)_.*
        action: drop
      - regex: device|mountpoint
        replacement: node_$0
        action: labelmap
      - source_labels: [__name__, mode]
        regex: node_cpu_seconds_total;(.*)
        target_label: mode
        replacement: cpu-$1
      - action: labeldrop
        regex: fstype
"""

# What does not change from one reading to the next.
STEADY = ("node_memory_MemTotal_bytes", "node_boot_time_seconds", "node_uname_info", "node_filesystem_size_bytes", "node_network_mtu_bytes", "node_cpu_info")  # fmt: skip

Series = frozenset[tuple[str, str]]


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def running(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        body: bytes = response.read()
        return body


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (urllib.error.URLError, ConnectionError):
            pass  # still starting
        time.sleep(0.1)
    pytest.fail("it has not come to that within 60 s")


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """The configuration that both read, with the exporter running that it names."""
    target = free_address()
    path = tmp_path / "prometheus.yml"
    path.write_text(CONFIG.format(target=target))
    with running(str(NODE_EXPORTER), f"--web.listen-address={target}"):
        wait_for(lambda: bool(get(f"http://{target}/metrics")))
        yield path


def portal_scrapes(config: Path) -> tuple[Outcome, datetime]:
    """Import the configuration and scrape its target once."""
    call_command("import_scrape_config", str(config))
    now = datetime.now(UTC)
    now_ms = round(now.timestamp() * 1000)
    ScrapeTarget.objects.update(next_scrape_at=now)
    [claim] = claim_due_targets(
        now=now, ahead=now - now, limit=10, silent=True, memory=TermsMemory()
    )
    outcome = scrape_claimed(claim, started_ms=now_ms)
    assert record([outcome], now_ms=now_ms) == 1
    return outcome, now


def portal_series(expr: str, at: datetime) -> dict[Series, float]:
    result = get_backend().query(expr, at_ms=round(at.timestamp() * 1000) + 1)
    assert isinstance(result.value, InstantVector)
    return {frozenset(labels): value for labels, value in result.value.samples()}


def prometheus_series(address: str, expr: str) -> dict[Series, float]:
    body = get(f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': expr})}")
    found: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return {frozenset(one["metric"].items()): float(one["value"][1]) for one in found}


def test_node_exporter_is_scraped_as_prometheus_scrapes_it(config: Path, tmp_path: Path) -> None:
    address = free_address()
    with running(
        str(PROMETHEUS),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
    ):
        wait_for(lambda: bool(prometheus_series(address, "up == 1")))
        outcome, at = portal_scrapes(config)
        theirs = prometheus_series(address, '{job="node"}')
    ours = portal_series('{job="node"}', at)

    assert outcome.error == ""
    assert len(ours) > 300
    # A device may come or go between the two scrapes, but not the kinds of series.
    assert {dict(labels)["__name__"] for labels in ours} == {
        dict(labels)["__name__"] for labels in theirs
    }
    assert len(set(ours) ^ set(theirs)) <= 0.02 * len(theirs)
    steady = {labels: value for labels, value in theirs.items() if dict(labels)["__name__"] in STEADY}  # fmt: skip
    assert len(steady) > 5
    assert {labels: ours.get(labels) for labels in steady} == steady


def test_every_value_is_the_one_that_the_exporter_wrote(config: Path) -> None:
    outcome, at = portal_scrapes(config)

    stored = portal_series('{job="node",__name__!~"up|scrape_.*"}', at)

    assert outcome.scraped is not None
    assert len(stored) == len(outcome.scraped.keys)
    written = {
        frozenset((outcome.claim.scope.labels(key) or {}).items()): value
        for key, value in zip(outcome.scraped.keys, outcome.scraped.values.tolist(), strict=True)
    }
    assert stored == written
