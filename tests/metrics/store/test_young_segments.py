"""Segments of the last minutes are kept together, and read as if they were not."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from observability.metrics.store import young_segments
from observability.metrics.store.storage import read_samples
from tests.metrics.store.database import MIDNIGHT_MS, append, compact, make_series, merge

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE_MS = 60_000


def write_minutes(series: list[int], minutes: range) -> None:
    for minute in minutes:
        at = MIDNIGHT_MS + minute * MINUTE_MS
        append((one, at + second * 15_000, float(minute)) for one in series for second in range(4))
        compact(at + 2 * MINUTE_MS)


def times(series: list[int], start: int, end: int) -> list[int]:
    found = read_samples(series, MIDNIGHT_MS + start, MIDNIGHT_MS + end)
    return [int(at) - MIDNIGHT_MS for at in found.timestamps_ms.tolist()]


@pytest.mark.parametrize("most", [500_000, 10], ids=["kept together", "too many"])
def test_any_part_is_read_exactly(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(young_segments, "MAX_SAMPLES", most)
    series = make_series(3)
    write_minutes(series, range(5))

    parts = times(series[:1], 0, 30_000), times(series[1:2], 2 * MINUTE_MS + 1, 3 * MINUTE_MS)
    everything = times(series, 0, 5 * MINUTE_MS)

    assert parts == ([0, 15_000, 30_000], [135_000, 150_000, 165_000, 180_000])
    assert everything == [at * 15_000 for at in range(20)] * 3


def test_segments_that_come_and_are_merged_away_are_neither_lost_nor_doubled() -> None:
    series = make_series(2)
    write_minutes(series, range(3))
    before = times(series, 0, 3_600_000)
    write_minutes(series, range(3, 20))
    grown = times(series, 0, 3_600_000)

    merge()
    merged = times(series, 0, 3_600_000)

    assert before == [at * 15_000 for at in range(12)] * 2
    assert grown == merged == [at * 15_000 for at in range(80)] * 2


def test_what_is_kept_is_not_fetched_again() -> None:
    series = make_series(2)
    write_minutes(series, range(4))
    times(series, 0, 3_600_000)

    with CaptureQueriesContext(connection) as queries:
        found = times(series, 0, 3_600_000)

    assert len(found) == 32
    assert not any("substring" in query["sql"] for query in queries)


def test_late_samples_of_a_time_that_is_kept_win_by_the_same_rule() -> None:
    series = make_series(1)
    write_minutes(series, range(2))
    times(series, 0, 3_600_000)
    append([(series[0], MIDNIGHT_MS, 7.0)])
    compact(MIDNIGHT_MS + 2 * MINUTE_MS)

    found = read_samples(series, MIDNIGHT_MS, MIDNIGHT_MS)

    assert found.values.tolist() == [7.0]
    assert np.array_equal(found.timestamps_ms, [MIDNIGHT_MS])
