"""The rows of the log that a process keeps at hand."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from numpy.typing import NDArray

from observability.metrics.models import SampleLog
from observability.metrics.store import log, recent
from observability.metrics.store.assembly import assemble
from observability.metrics.store.page_table import SegmentGoneError
from observability.metrics.store.recent import RECENT, RecentSamples, fetch_logged, split_log
from tests.metrics.store.database import (
    MIDNIGHT_MS,
    append,
    compact,
    make_series,
    read_all,
)
from tests.metrics.store.samples import Row, contents, settled

pytestmark = pytest.mark.django_db(transaction=True)


def rows_there() -> NDArray[np.int64]:
    return np.array(sorted(SampleLog.objects.values_list("pk", flat=True)), np.int64)


def samples_of(
    kept: RecentSamples, row_ids: NDArray[np.int64], series: list[int], seen_at: float
) -> list[tuple[int, int, int]]:
    """Return the samples that are kept of rows."""
    wanted = np.array(series)
    runs = [
        chunk.runs(wanted) for chunk in kept.of_rows(row_ids, seen_at=seen_at, fetch=fetch_logged)
    ]
    return contents(assemble(runs, wanted, -(2**60), 2**60))


def write(series: list[int], at: int, count: int = 1) -> list[Row]:
    rows = [(one, MIDNIGHT_MS + at + i, float(at + i)) for one in series for i in range(count)]
    append(rows)
    return rows


def test_rows_come_one_after_the_other_and_are_fetched_once() -> None:
    series, kept, rows = make_series(3), RecentSamples(), []
    for at in range(20):
        rows += write(series, at * 10, count=1 + at % 3)
        with CaptureQueriesContext(connection) as queries:
            seen_at = time.monotonic()
            found = samples_of(kept, rows_there(), series, seen_at)
        fetched = [
            query["sql"] for query in queries if "data FROM metrics_samplelog" in query["sql"]
        ]

        assert found == settled(rows)
        assert len(fetched) == 1

    with CaptureQueriesContext(
        connection,
    ) as queries:
        again = kept.of_rows(np.sort(rows_there()), seen_at=time.monotonic(), fetch=fetch_logged)
    assert len(queries) == 1
    # Each is more than twice as large as the next.
    sizes = [len(chunk.columns) for chunk in again]
    assert all(larger > 2 * smaller for larger, smaller in pairwise(sizes))


def test_rows_that_were_compacted_go() -> None:
    series, kept = make_series(2), RecentSamples()
    write(series, 0)
    late = write(series, 10)
    both = rows_there()
    samples_of(kept, both, series, time.monotonic())

    found = samples_of(kept, both[1:], series, time.monotonic())
    with CaptureQueriesContext(connection) as queries:
        nothing = samples_of(kept, both[:0], series, time.monotonic())
        log.delete(both[:1].tolist())
        with pytest.raises(SegmentGoneError):
            samples_of(kept, both[:1], series, time.monotonic())

    assert found == settled(late)
    assert nothing == []
    assert any("data FROM metrics_samplelog" in query["sql"] for query in queries)


def test_a_row_that_came_after_another_thread_had_looked_stays() -> None:
    series, kept = make_series(1), RecentSamples()
    early = write(series, 0)
    before, looked_at = rows_there(), time.monotonic()
    late = write(series, 10)
    samples_of(kept, rows_there(), series, time.monotonic())

    shown = samples_of(kept, before, series, looked_at)
    with CaptureQueriesContext(connection) as queries:
        after = kept.of_rows(
            np.array([SampleLog.objects.latest("pk").pk]), seen_at=looked_at, fetch=fetch_logged
        )

    assert shown == settled(early)
    assert len(queries) == 1
    assert sum(len(chunk.columns) for chunk in after) == len(late)


def test_of_several_samples_of_one_time_the_largest_pattern_stays_in_any_row() -> None:
    series = make_series(2)
    rows: list[Row] = [(series[0], MIDNIGHT_MS, 1.0), (series[0], MIDNIGHT_MS, 2.0)]
    append(rows)
    within_one = read_all(series)
    more: list[Row] = [(series[0], MIDNIGHT_MS, 3.0), (series[1], MIDNIGHT_MS, 1.0)]
    append(more)

    assert within_one == settled(rows)
    assert read_all(series) == settled(rows + more)
    compact()
    assert read_all(series) == settled(rows + more)


def test_rows_beyond_the_bound_are_read_but_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    series = make_series(4)
    monkeypatch.setattr(recent, "MAX_KEPT_SAMPLES", 10)
    rows = [row for at in range(6) for row in write(series, at * 10)]

    found = read_all(series)

    assert found == settled(rows)
    assert sum(len(chunk.columns) for chunk in RECENT._chunks) == 8


def test_the_newest_rows_are_kept_and_of_others_those_of_the_time_asked_for() -> None:
    row_ids, counts = np.array([9, 7, 4, 2]), np.array([500_000, 900_000, 200_000, 1])

    kept, others = split_log(row_ids, counts, np.array([0, 1, 1, 0]))

    assert kept.tolist() == [7, 9]
    assert others.tolist() == [4]
