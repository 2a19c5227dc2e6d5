"""A real Celery worker and a real beat, seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from observability.telemetry.checks import check_worker
from observability.telemetry.health import Status
from observability.telemetry.heartbeats import heartbeat_age
from observability.telemetry.queues import queue_state
from observability.telemetry.registry import collect_families
from observability.telemetry.tasks import beat_heartbeat

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_redis")]

WORKER = (
    "worker",
    "--queues",
    "timely",
    "--concurrency",
    "1",
    "--without-gossip",
    "--without-mingle",
)


@pytest.fixture
def celery(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a Celery process that uses the test's database and a folder of its own."""
    url = urlsplit(os.environ["DATABASE_URL"])
    (tmp_path / "beat").mkdir()
    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "--app", "observability.celery", *arguments],
                cwd=settings.BASE_DIR,
                env={
                    **os.environ,
                    "DATABASE_URL": url._replace(
                        path=f"/{connection.settings_dict['NAME']}"
                    ).geturl(),
                    "DATA_DIR": str(tmp_path),
                    "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
                },
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.enter_context(_ended(process))
            return process

        yield start


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it has not come true within 60 s"
        time.sleep(0.1)


def test_worker_is_seen_alive_and_its_waiting_times_are_measured(
    celery: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    headers: dict[str, Any] = {"published_at": time.time() - 7}
    beat_heartbeat.apply_async(headers=headers)
    celery(*WORKER)

    wait_until(lambda: heartbeat_age("ticks") is not None)

    assert check_worker("timely").status is Status.OK
    samples = {
        sample.name: sample.value
        for family in collect_families(tmp_path)
        for sample in family.samples
        if sample.labels.get("queue") == "timely" and "le" not in sample.labels
    }
    assert samples["portal_worker_lag_seconds_count"] == 1
    assert samples["portal_worker_lag_seconds_sum"] >= 7
    roles = {
        sample.labels["process"]: sample.value
        for family in collect_families(tmp_path)
        for sample in family.samples
        if sample.name == "portal_processes"
    }
    assert roles == {"timely": 2}


def test_worker_that_ends_on_purpose_takes_its_heartbeat_along(
    celery: Callable[..., subprocess.Popen[bytes]],
) -> None:
    process = celery(*WORKER)
    wait_until(lambda: heartbeat_age("timely") is not None)

    process.terminate()
    process.wait(30)

    assert heartbeat_age("timely") is None


def test_beat_is_seen_alive_without_any_worker(
    celery: Callable[..., subprocess.Popen[bytes]],
) -> None:
    celery("beat", "--pidfile=")

    wait_until(lambda: heartbeat_age("beat") is not None)

    assert heartbeat_age("ticks") is None
    wait_until(lambda: queue_state("timely").length > 0)
