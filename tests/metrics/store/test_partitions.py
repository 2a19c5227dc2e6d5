"""Weekly partitions."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from observability.metrics.store.partitions import (
    WEEK_MS,
    drop_partitions,
    ensure_partitions,
    weekly_partitions,
)

pytestmark = pytest.mark.django_db(transaction=True)

# Weeks that no other test writes to.
FIRST = 4000


@pytest.fixture(autouse=True)
def _no_partitions() -> None:
    drop_partitions(2**50)


def weeks() -> list[int]:
    return [partition.week for partition in weekly_partitions()]


def test_partitions_are_made_for_the_weeks_that_are_asked_for() -> None:
    with transaction.atomic():
        ensure_partitions([-1, FIRST * WEEK_MS, (FIRST + 1) * WEEK_MS - 1])
        ensure_partitions([FIRST * WEEK_MS + 5])

    assert weeks() == [-1, FIRST]


def test_processes_that_need_the_same_partition_make_it_once() -> None:
    barrier = threading.Barrier(4)

    def ensure() -> None:
        try:
            with transaction.atomic():
                barrier.wait(timeout=30)
                ensure_partitions([FIRST * WEEK_MS])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(ensure) for _ in range(4)]:
            future.result(timeout=60)

    assert weeks() == [FIRST]


def test_partitions_of_weeks_that_are_over_are_dropped() -> None:
    with transaction.atomic():
        ensure_partitions([FIRST * WEEK_MS, (FIRST + 1) * WEEK_MS])

    dropped = drop_partitions((FIRST + 2) * WEEK_MS - 1)

    assert dropped == 1
    assert weeks() == [FIRST + 1]


def test_a_partition_that_is_being_read_is_left_for_later() -> None:
    with transaction.atomic():
        ensure_partitions([FIRST * WEEK_MS])
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM metrics_segment")

        dropped = drop_partitions(2**50)
    finally:
        other.close()

    assert dropped == 0
    assert weeks() == [FIRST]
