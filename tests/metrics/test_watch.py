from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from observability.metrics.backend import get_backend
from observability.promql.values import InstantVector
from observability.telemetry.heartbeats import heartbeat_age

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real `manage.py watch` on the test's database, collecting every second."""
    url = urlsplit(os.environ["DATABASE_URL"])
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": url._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
            "DATA_DIR": str(tmp_path),
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
            "HOST_COLLECTOR_INTERVAL": "1",
            "NODE_NAME": "tested",
        },
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()


def values(expr: str) -> list[float]:
    result = get_backend().query(expr, at_ms=int(time.time() * 1000))
    assert isinstance(result.value, InstantVector)
    return list(result.value.values)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it has not come true within 60 s"
        time.sleep(0.1)


def test_watch_stores_this_host_and_the_portal_itself(watch: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: len(values('up{instance="tested"} == 1')) == 2)

    assert values('node_memory_MemTotal_bytes{job="node", instance="tested"}')[0] > 0
    assert values('process_resident_memory_bytes{job="portal", process="watch"}')[0] > 0
    assert (heartbeat_age("watch") or 0.0) < 10


def test_watch_ends_cleanly_on_sigterm(watch: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: len(values('up{instance="tested"}')) == 2)

    watch.send_signal(signal.SIGTERM)

    assert watch.wait(10) == 0


def test_watch_outlives_the_loss_of_its_connections(watch: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: len(values('up{instance="tested"}')) == 2)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    lost_at = time.time()

    wait_until(lambda: any(at > lost_at + 2 for at in values('timestamp(up{instance="tested"})')))
    assert watch.poll() is None
