"""A real Prometheus scrapes exemplars and writes them into the portal: both answer alike."""

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
from pytest_django.live_server_helper import LiveServer

from observability.access.keys import create_key
from observability.access.scopes import Scope
from tests.access.http_server import Handler, serve
from tests.embedded.portal_process import free_port

BINARY = shutil.which("prometheus")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(BINARY is None, reason="no Prometheus (Debian: prometheus)"),
    pytest.mark.django_db(transaction=True),
]

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["127.0.0.1:{target}"]}}]
remote_write:
  - url: {portal}/api/v1/write
    authorization: {{credentials: {key}}}
    send_exemplars: true
    queue_config: {{batch_send_deadline: 1s}}
"""
# Of the third, Prometheus takes the time of the scrape, and takes it once.
TEXT = """\
# TYPE orders counter
orders_total{{kind="a"}} {count} # {{trace_id="t{count}",span_id="s"}} 0.5 {now}
# TYPE wait histogram
wait_bucket{{le="1"}} {count} # {{trace_id="b{count}"}} 0.25 {now}
wait_bucket{{le="+Inf"}} {count} # {{trace_id="always"}} 1e3
wait_count {count}
wait_sum 1
# EOF
"""
QUERY = "rate(orders_total[5m]) + histogram_quantile(0.9, wait_bucket)"


class _Target:
    """Counts how often it was scraped, and tells a new exemplar each time."""

    def __init__(self) -> None:
        self.count = 0

    def answer(self, handler: Handler) -> None:
        self.count += 1
        text = TEXT.format(count=self.count, now=f"{time.time():.3f}")
        media = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        handler.reply(200, text.encode(), {"Content-Type": media})


def exemplars_of(address: str, key: str = "", until: float = 0) -> Any:
    parameters = {"query": QUERY, **({"end": f"{until:.3f}"} if until else {})}
    request = urllib.request.Request(
        f"{address}/api/v1/query_exemplars?{urllib.parse.urlencode(parameters)}",
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)["data"]
    except (urllib.error.URLError, ConnectionError):
        return []  # still starting


@pytest.fixture
def key() -> str:
    _, token = create_key(name="both", scopes=[Scope.METRICS_READ, Scope.METRICS_WRITE])
    return token


@pytest.fixture
def prometheus(tmp_path: Path, live_server: LiveServer, key: str) -> Iterator[str]:
    port = free_port()
    with serve(_Target().answer) as target:
        config = tmp_path / "prometheus.yml"
        config.write_text(CONFIG.format(target=target.port, portal=live_server.url, key=key))
        process = subprocess.Popen(
            [
                str(BINARY),
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--enable-feature=exemplar-storage",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(is_there: Any, *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not is_there():
        assert time.monotonic() < deadline, "it has not got there in time"
        time.sleep(0.2)


def test_exemplars_arrive_as_they_are_in_prometheus(
    prometheus: str, live_server: LiveServer, key: str
) -> None:
    wait_for(lambda: sum(len(one["exemplars"]) for one in exemplars_of(prometheus)) >= 9)
    until = time.time()
    expected = exemplars_of(prometheus, until=until)

    wait_for(
        lambda: (
            len(json.dumps(exemplars_of(live_server.url, key, until))) >= len(json.dumps(expected))
        ),
        seconds=30,
    )

    assert exemplars_of(live_server.url, key, until) == expected
    assert [one["seriesLabels"]["__name__"] for one in expected] == [
        "orders_total",
        "wait_bucket",
        "wait_bucket",
    ]
