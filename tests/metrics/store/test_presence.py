"""Which series and metrics have samples in a period, wherever these are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability.metrics.models import Metric, Series
from observability.metrics.period import EVER, Period
from observability.metrics.store import presence, retention
from observability.metrics.store.presence import present_metrics, present_series
from observability.metrics.store.rollups.making import roll_up_due
from tests.metrics.store.database import (
    DAY_MS,
    LATER_MS,
    MIDNIGHT_MS,
    append,
    compact,
    empty_tables,
    make_series,
    merge,
)

pytestmark = pytest.mark.django_db(transaction=True)

HOUR_MS = 3_600_000


def present(ids: list[int], start_ms: int | None, end_ms: int | None) -> list[int]:
    """Return the places of those of some series that have samples."""
    metric_of = dict(Series.objects.values_list("id", "metric_id"))
    found = present_series(
        np.array(ids, np.int64),
        np.array([metric_of[series_id] for series_id in ids], np.int64),
        Period(start_ms, end_ms),
    )
    return np.flatnonzero(found).tolist()


def stay_in_the_log() -> None:
    pass


def merge_all() -> None:
    compact(LATER_MS)
    merge()


def keep_rollups_only() -> None:
    merge_all()
    roll_up_due(seconds=60)
    retention.delete_expired(LATER_MS + 60 * DAY_MS)


PLACES = [stay_in_the_log, compact, merge_all, keep_rollups_only]


@pytest.mark.parametrize("move", PLACES, ids=["log", "segments", "daily-segments", "rollups"])
def test_series_count_where_they_have_samples(move: Callable[[], None]) -> None:
    ids = make_series(4)
    append([(ids[0], MIDNIGHT_MS, 1.0), (ids[1], MIDNIGHT_MS + 40 * DAY_MS, 1.0)])
    append([(ids[2], MIDNIGHT_MS, 1.0), (ids[2], MIDNIGHT_MS + 40 * DAY_MS, 1.0)])

    move()

    assert present(ids, MIDNIGHT_MS - HOUR_MS, MIDNIGHT_MS + HOUR_MS) == [0, 2]
    assert present(ids, MIDNIGHT_MS + 39 * DAY_MS, None) == [1, 2]
    assert present(ids, None, MIDNIGHT_MS) == [0, 2]
    assert present(ids, None, None) == [0, 1, 2]
    assert present(ids, MIDNIGHT_MS + 80 * DAY_MS, MIDNIGHT_MS + 81 * DAY_MS) == []


@pytest.mark.parametrize("move", PLACES, ids=["log", "segments", "daily-segments", "rollups"])
def test_metrics_count_where_they_have_samples(move: Callable[[], None]) -> None:
    [early], [late], _ = make_series(1, "early"), make_series(1, "late"), make_series(1, "never")
    append([(early, MIDNIGHT_MS, 1.0), (late, MIDNIGHT_MS + 40 * DAY_MS, 1.0)])

    move()

    assert present_metrics(Period(MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS)) == {"early"}
    assert present_metrics(Period(MIDNIGHT_MS + 39 * DAY_MS, None)) == {"late"}
    assert present_metrics(EVER) == {"early", "late"}


def test_no_metrics_are_present_in_an_empty_store() -> None:
    assert present_metrics(Period(0, 1)) == set()


def test_rollups_do_not_count_where_samples_are_kept() -> None:
    now_ms = retention_now_ms()
    ids = make_series(2)
    append([(ids[0], now_ms - 3 * DAY_MS, 1.0), (ids[1], now_ms - 5 * DAY_MS, 1.0)])
    compact(now_ms)
    merge(now_ms)
    assert roll_up_due(seconds=60) == 2

    found = present(ids, now_ms - 3 * DAY_MS - HOUR_MS, now_ms)

    assert found == [0]


def retention_now_ms() -> int:
    """Return the time by the clock, which says what is too old."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (extract(epoch FROM now()) * 1000)::bigint")
        return int(cursor.fetchone()[0])


def test_what_moves_from_the_log_while_one_looks_is_found() -> None:
    ids = make_series(2)
    append([(ids[0], MIDNIGHT_MS, 1.0)])
    is_moved = False

    def move_after_the_first_look(
        execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        nonlocal is_moved
        result = execute(sql, params, many, context)
        if not is_moved and "metrics_samplelog" in sql:
            is_moved = True
            compact()
        return result

    with connection.execute_wrapper(move_after_the_first_look):
        found = present(ids, MIDNIGHT_MS, MIDNIGHT_MS)

    assert (is_moved, found) == (True, [0])


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 47), st.sampled_from(["log", "segment"])),
        max_size=60,
    ),
    hours=st.tuples(st.integers(-1, 48), st.integers(-1, 48)),
    limit=st.integers(1, 5),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_none_is_missed_however_many_looks_it_takes(
    rows: list[tuple[int, int, str]], hours: tuple[int, int], limit: int
) -> None:
    empty_tables()
    ids = sorted(make_series(16, "a") + make_series(15, "b"))
    for place, hour, kind in rows:
        append([(ids[place], MIDNIGHT_MS + hour * HOUR_MS, 1.0)])
        if kind == "segment":
            compact()
    start_ms, end_ms = (MIDNIGHT_MS + hour * HOUR_MS for hour in hours)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presence, "_DIRECTORIES_PER_LOOK", limit)
        patch.setattr(presence, "_LOG_ROWS_PER_LOOK", limit)
        found = present(ids, start_ms, end_ms)

    expected = {
        place for place, hour, _ in rows if start_ms <= MIDNIGHT_MS + hour * HOUR_MS <= end_ms
    }
    assert found == sorted(expected)


def test_series_that_are_written_now_cost_one_statement() -> None:
    ids = make_series(300)
    append([(series_id, MIDNIGHT_MS, 1.0) for series_id in ids])
    compact()
    metric_ids = np.full(300, Metric.objects.get().pk, np.int64)

    with CaptureQueriesContext(connection) as queries:
        found = present_series(np.array(ids, np.int64), metric_ids, Period(MIDNIGHT_MS, None))

    assert found.all()
    assert len(queries) == 1
