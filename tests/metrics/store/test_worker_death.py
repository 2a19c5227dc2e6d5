"""A worker that is killed while it compacts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from django.db import connection

from observability.metrics.models import SampleLog, Segment
from tests.metrics.store.database import (
    DAY_MS,
    LATER_MS,
    MIDNIGHT_MS,
    append,
    compact,
    make_series,
    merge,
    read_all,
)
from tests.metrics.store.samples import Row, settled

pytestmark = pytest.mark.django_db(transaction=True)

# Says when it begins, and then compacts as of one quarter of an hour after the other.
WORKER = f"""
import django
django.setup()
from observability.metrics.store import compaction
print("ready", flush=True)
while True:
    for now_ms in range({MIDNIGHT_MS}, {LATER_MS}, 900_000):
        compaction.compact_log_once(now_ms=now_ms)
        compaction.merge_due(now_ms=now_ms, seconds=1)
"""


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    name = str(connection.settings_dict["NAME"])
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_a_killed_worker_loses_and_doubles_nothing() -> None:
    series = make_series(40)
    rows: list[Row] = []
    for round_ in range(3):
        new = [
            (one, MIDNIGHT_MS + at, float(at + round_))
            for one in series
            for at in range(round_ * 1000, DAY_MS, 1_200_000)
        ]
        append(new)
        rows += new
        with worker() as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            for _ in range(3 * round_ + 1):
                assert read_all(series) == settled(rows)

        assert read_all(series) == settled(rows)
    compact(LATER_MS)
    merge()

    assert SampleLog.objects.count() == 0
    assert set(Segment.objects.values_list("level", flat=True)) == {3}
    assert read_all(series) == settled(rows)
