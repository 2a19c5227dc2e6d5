"""What is deleted when it is too old."""

from __future__ import annotations

import pytest

from observability.metrics.store import log, retention
from observability.metrics.store.partitions import weekly_partitions
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

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_too_old_goes_from_log_segments_and_partitions() -> None:
    (series,) = make_series(1)
    days = [-14, -1, 0, 1]
    append((series, MIDNIGHT_MS + day * DAY_MS, 1.0) for day in days)
    compact(LATER_MS)
    merge()
    append([(series, MIDNIGHT_MS - DAY_MS + 1, 1.0)])
    append([(series, MIDNIGHT_MS + 1, 1.0)])
    oldest_week = weekly_partitions()[0].week

    retention.delete_before(MIDNIGHT_MS)

    times = [at - MIDNIGHT_MS for _, at, _ in read_all([series])]
    assert times == [0, 1, DAY_MS]
    assert weekly_partitions()[0].week > oldest_week


@pytest.mark.parametrize("is_compacted", [False, True], ids=["log", "segments"])
def test_the_rate_of_samples_does_not_depend_on_compaction(is_compacted: bool) -> None:
    (series,) = make_series(1)
    for at in range(-10, 10):
        append([(series, MIDNIGHT_MS + at * 1000, 1.0)])
    if is_compacted:
        compact()

    count = log.count_since(MIDNIGHT_MS)

    assert count == 10


def test_of_a_segment_the_part_that_is_recent_counts() -> None:
    (series,) = make_series(1)
    append((series, MIDNIGHT_MS + at * 1000, 1.0) for at in range(60))
    compact()

    count = log.count_since(MIDNIGHT_MS + 30_000)

    assert 28 <= count <= 31
