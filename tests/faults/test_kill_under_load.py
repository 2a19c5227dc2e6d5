"""Processes are killed while clients write: what was acknowledged is there, once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.embedded.portal_process import PortalProcess, wait_for

KEY = "op_faults00_0123456789abcdefghijABCDEFGHIJ0123456789abc"
HEADERS = {
    "Authorization": f"Bearer {KEY}",
    "Content-Type": "application/json",
    "Accept": "application/json",
}
SAMPLES_A_BODY = 20


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    data_dir = tmp_path_factory.mktemp("faults") / "var"
    portal = PortalProcess.start(data_dir, BOOTSTRAP_API_KEY=KEY)
    try:
        portal.wait_until_it_runs()
        yield portal
    finally:
        portal.end()


def call(portal: PortalProcess, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    client = HTTPConnection("127.0.0.1", portal.port, timeout=60)
    try:
        client.request(method, path, None if body is None else json.dumps(body), HEADERS)
        response = client.getresponse()
        return response.status, json.loads(response.read())
    finally:
        client.close()


@dataclass
class Writer:
    """A client that writes one body after the other and counts those that are acknowledged."""

    portal: PortalProcess
    metric: str
    number: int
    start_ms: int
    acknowledged: list[int] = field(default_factory=list)
    failures: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        for body_number in range(3000):
            if self.stopped.is_set():
                return
            first = body_number * SAMPLES_A_BODY
            numbers = range(first, first + SAMPLES_A_BODY)
            try:
                status, _ = call(self.portal, "POST", "/api/metrics", self._samples(numbers))
            except (OSError, HTTPException, ValueError):
                status = 0
            if status == 202:
                self.acknowledged += numbers
            else:
                self.failures += 1
                self.stopped.wait(0.02)

    def _samples(self, numbers: range) -> list[dict[str, Any]]:
        return [
            {
                "name": self.metric,
                "labels": {"writer": str(self.number)},
                "value": number,
                "timestamp": (self.start_ms + number * 1000) / 1000,
            }
            for number in numbers
        ]


@pytest.mark.parametrize("program", ["postgres", "web"])
def test_what_was_acknowledged_survives_a_kill(portal: PortalProcess, program: str) -> None:
    start_ms = (int(time.time()) - 20 * 86_400) * 1000
    writers = [Writer(portal, f"kill_{program}", number, start_ms) for number in range(3)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    wait_for(lambda: all(len(writer.acknowledged) >= 200 for writer in writers))
    killed = portal.process_of(program)
    assert killed is not None

    killed.kill()

    counts = [len(writer.acknowledged) for writer in writers]
    wait_for(lambda: portal.process_of(program) not in {None, killed})
    wait_for(
        lambda: all(
            len(writer.acknowledged) > count + 200
            for writer, count in zip(writers, counts, strict=True)
        )
    )
    for writer in writers:
        writer.stopped.set()
    for thread in threads:
        thread.join()
    assert sum(writer.failures for writer in writers) > 0
    for writer in writers:
        samples = read_back(portal, writer)
        times = [at for at, _ in samples]
        assert len(times) == len(set(times))
        assert set(writer.acknowledged) <= {int(value) for _, value in samples}


def read_back(portal: PortalProcess, writer: Writer) -> list[tuple[float, float]]:
    query = {
        "name": writer.metric,
        "label.writer": writer.number,
        "start": writer.start_ms / 1000 - 1,
        "page_size": 1000,
    }
    status, answer = call(portal, "GET", f"/api/metrics?{urlencode(query)}")
    assert status == 200, answer
    [series] = answer["results"]
    return [(at, value) for at, value in series["samples"]]
