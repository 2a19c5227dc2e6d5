"""Compaction: whatever happens when, each sample is there once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability.metrics.instruments import SAMPLE_CONFLICTS
from observability.metrics.models import SampleLog, Segment, Series
from observability.metrics.store import compaction
from tests.metrics.store.database import (
    DAY_MS,
    LATER_MS,
    MIDNIGHT_MS,
    CrashedError,
    append,
    compact,
    crash_at,
    empty_tables,
    levels,
    make_series,
    merge,
    read_all,
    wait_until_settled,
)
from tests.metrics.store.samples import Row, settled

pytestmark = pytest.mark.django_db(transaction=True)

SERIES = 5
# On both sides of the borders of windows of all levels, a week's included.
offsets = st.builds(
    lambda window, step: window + step,
    st.sampled_from([-7 * DAY_MS, -DAY_MS, 0, 60_000, 900_000, 7_200_000, DAY_MS, 5 * DAY_MS]),
    st.integers(-2, 2),
)
batches = st.lists(
    st.tuples(st.integers(0, SERIES - 1), offsets, st.sampled_from([1.0, 2.0, -3.5])),
    min_size=1,
    max_size=12,
)
moments = st.sampled_from([0, 61_000, 961_000, 7_500_000, DAY_MS + 1_800_000, 30 * DAY_MS])
steps = st.one_of(
    st.tuples(st.just("append"), batches),
    st.tuples(st.sampled_from(["compact", "merge"]), moments, st.none() | st.integers(0, 12)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=8))
def test_samples_are_read_once_whatever_is_compacted_and_dies_when(
    plan: list[tuple[object, ...]],
) -> None:
    empty_tables()
    series = [*make_series(3, "a"), *make_series(SERIES - 3, "b")]
    rows: list[Row] = []

    for step in plan:
        match step:
            case ("append", list(batch)):
                batch = [(series[at], MIDNIGHT_MS + offset, value) for at, offset, value in batch]
                append(batch)
                rows += batch
            case (action, int(after_ms), crash):
                wait_until_settled()
                run = compaction.compact_log if action == "compact" else compaction.merge_due
                with (
                    suppress(CrashedError),
                    crash_at(10**9 if crash is None else crash),  # type: ignore[arg-type]  # from the strategy
                ):
                    run(now_ms=MIDNIGHT_MS + after_ms, seconds=60)
            case _:
                raise AssertionError(step)

        assert read_all(series) == settled(rows)


@pytest.mark.parametrize("step", ["compact", "merge"])
def test_a_killed_connection_loses_and_doubles_nothing(step: str) -> None:
    series = make_series(3)
    rows = [(series[at % 3], MIDNIGHT_MS + at * 15_000, float(at)) for at in range(30)]
    append(rows)
    if step == "merge":
        compact()
    wait_until_settled()
    run = compaction.compact_log if step == "compact" else compaction.merge_due

    for statement in range(20):
        with suppress(CrashedError, DatabaseError), crash_at(statement, kill=True):
            run(now_ms=LATER_MS, seconds=60)
        connection.close()

        assert read_all(series) == settled(rows)
    run(now_ms=LATER_MS, seconds=60)
    assert SampleLog.objects.count() == 0


def test_segments_rise_from_level_to_level() -> None:
    (series,) = make_series(1)
    append((series, MIDNIGHT_MS + at, 1.0) for at in range(0, DAY_MS, 1_800_000))
    hour = 3_600_000

    seen = []
    for now_ms in (
        MIDNIGHT_MS,
        MIDNIGHT_MS + 16 * 60_000,
        MIDNIGHT_MS + 2 * hour + 300_000,
        MIDNIGHT_MS + DAY_MS + hour,
    ):
        compact(MIDNIGHT_MS)
        merge(now_ms)
        seen.append((len(levels()), max(levels())))

    assert seen == [(48, (0, 1)), (48, (1, 1)), (45, (2, 4)), (1, (3, 48))]


def test_rows_of_a_running_transaction_wait() -> None:
    (series,) = make_series(1)
    other = connections.create_connection("default")
    wait_until_settled()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
        append([(series, MIDNIGHT_MS, 1.0)])

        while_running = compaction.compact_log_once(now_ms=MIDNIGHT_MS)
        other.rollback()
        wait_until_settled()
        afterwards = compaction.compact_log_once(now_ms=MIDNIGHT_MS)
    finally:
        other.close()

    assert (while_running, afterwards) == (0, 1)


def test_rows_that_come_while_the_log_is_compacted_wait_for_the_next_run() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])

    def write_meanwhile(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        result = execute(sql, params, many, context)
        if "DELETE FROM metrics_samplelog" in sql:
            append([(series, MIDNIGHT_MS + 1, 1.0), (series, MIDNIGHT_MS + 2, 1.0)])
        return result

    with connection.execute_wrapper(write_meanwhile):
        first = compact()
    second = compact()

    assert (first, second) == (1, 2)


def test_rows_and_metrics_that_another_worker_has_are_left_to_it() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    compact()
    append([(series, MIDNIGHT_MS + 1, 1.0)])
    wait_until_settled()
    metric_id = Series.objects.get().metric_id
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM metrics_samplelog FOR UPDATE")
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s)", [compaction.merge_lock_number(metric_id)]
            )

        done = (compaction.compact_log_once(now_ms=LATER_MS), merge())
    finally:
        other.close()

    assert done == (0, 0)


def test_late_samples_join_a_small_segment_of_their_day() -> None:
    (series,) = make_series(1)
    for at in range(3):
        append([(series, MIDNIGHT_MS + at, 1.0)])
        compact(LATER_MS)
        merge()

    assert levels() == [(3, 3)]


def test_late_samples_do_not_rewrite_a_large_segment() -> None:
    (series,) = make_series(1)
    append((series, MIDNIGHT_MS + at, 1.0) for at in range(70_000))
    compact(LATER_MS)
    merge()

    for at in range(2):
        append([(series, MIDNIGHT_MS + 80_000 + at, 1.0)])
        compact(LATER_MS)
        merge()

    assert levels() == [(3, 2), (3, 70_000)]


def test_a_segment_holds_a_bounded_number_of_series() -> None:
    series = make_series(1100)
    append((one, MIDNIGHT_MS + at, 1.0) for one in series for at in (0, 15_000))
    compact()

    merge()

    assert sorted(Segment.objects.values_list("series_count", flat=True)) == [76, 1024]
    assert len(read_all(series)) == 2200


def test_samples_of_a_deleted_series_are_dropped() -> None:
    kept, deleted = make_series(2)
    append([(kept, MIDNIGHT_MS, 1.0), (deleted, MIDNIGHT_MS, 1.0)])
    Series.objects.filter(id=deleted).delete()

    compact()

    assert levels() == [(0, 1)]


def test_different_values_of_one_time_are_counted() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0), (series, MIDNIGHT_MS, 2.0)])
    compact()
    append([(series, MIDNIGHT_MS, 3.0), (series, MIDNIGHT_MS, 3.0)])
    compact()
    merge()

    counted = SAMPLE_CONFLICTS._value.get()

    merge()
    assert counted >= 2
    assert SAMPLE_CONFLICTS._value.get() == counted


def test_compaction_works_inside_a_callers_transaction() -> None:
    (series,) = make_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    wait_until_settled()

    with transaction.atomic():
        compaction.compact_log_once(now_ms=LATER_MS)
        compaction.merge_due(now_ms=LATER_MS, seconds=60)

    assert levels() == [(3, 1)]
