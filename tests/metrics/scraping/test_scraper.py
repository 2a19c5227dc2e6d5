"""The process that scrapes, as the supervisor starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from observability.metrics.scraping.models import ScrapeJob, ScrapeSource, ScrapeTarget
from observability.telemetry.heartbeats import heartbeats
from tests.access.http_server import serve_bytes

from .targets import exporter

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def scraper(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real `manage.py scrape` on the test's database."""
    name = str(connection.settings_dict["NAME"])
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    environment = {k: v for k, v in os.environ.items() if k != "PROMETHEUS_MULTIPROC_DIR"}
    with (folder / "scrape.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "scrape"],
            env=environment | {"DATABASE_URL": url, "DATA_DIR": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.05)


def job(*addresses: str, name: str = "app", **fields: object) -> ScrapeJob:
    made = ScrapeJob.objects.create(name=name, interval_ms=1_000, **{"timeout_ms": 1_000, **fields})
    ScrapeSource.objects.create(
        job=made, kind="static", config={"targets": addresses}, next_refresh_at=timezone.now()
    )
    return made


def scraped(url_part: str = "") -> bool:
    return ScrapeTarget.objects.filter(url__contains=url_part, health="up").exists()


def test_targets_are_found_and_scraped_until_the_process_is_stopped(tmp_path: Path) -> None:
    with exporter("a 1\n") as target, scraper(tmp_path) as process:
        job(target.address)

        wait_for(lambda: len(target.server.received) >= 3)
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0
        assert scraped()
        assert ScrapeTarget.objects.get().lease_until is None
        assert process.pid not in {beat.pid for beat in heartbeats()}


def test_targets_of_a_killed_process_are_scraped_by_the_next(tmp_path: Path) -> None:
    with exporter("a 1\n") as target:
        job(target.address)
        with scraper(tmp_path):
            wait_for(lambda: len(target.server.received) >= 2)
        before = len(target.server.received)

        with scraper(tmp_path):
            wait_for(lambda: len(target.server.received) >= before + 3)

        wait_for(scraped)


def test_targets_that_never_answer_do_not_hold_up_the_others(tmp_path: Path) -> None:
    def hang(_: socket.socket, over: threading.Event) -> None:
        over.wait()

    with exporter("a 1\n") as target, serve_bytes(hang) as dead:
        job(f"127.0.0.1:{dead.port}", name="dead")
        job(target.address, name="alive")
        with scraper(tmp_path):
            wait_for(lambda: len(target.server.received) >= 5)

            wait_for(lambda: ScrapeTarget.objects.filter(job__name="dead", health="down").exists())

    assert "no complete answer within 1 s" in ScrapeTarget.objects.get(job__name="dead").last_error
