"""Rollups in the store: queries get from them what they would get from samples, whatever happens when."""

from __future__ import annotations

import math
import threading
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability.metrics.models import Metric, RetentionPolicy, Segment, Series
from observability.metrics.store import catalogue, compaction, retention
from observability.metrics.store.columns import places_of
from observability.metrics.store.rollups import days, expiry, table
from observability.metrics.store.rollups.forgetting import forget_series
from observability.metrics.store.rollups.making import roll_up_due
from observability.metrics.store.rollups.models import RolledDay, Rollup
from observability.metrics.store.rollups.resolutions import FIVE_MINUTES_MS, HOUR_MS
from observability.metrics.store.storage import PostgresStorage
from observability.promql import Engine, Matrix, MemoryStorage
from observability.promql.errors import RawSamplesGoneError
from observability.promql.labels import label_set
from observability.promql.staleness import STALE_NAN
from observability.promql.storage import RollupBlock, RollupColumn, SelectHints
from tests.metrics.store.database import (
    DAY_MS,
    LATER_MS,
    MIDNIGHT_MS,
    CrashedError,
    append,
    compact,
    crash_at,
    empty_tables,
    make_series,
    merge,
    wait_until_settled,
)
from tests.metrics.store.samples import Row, settled

pytestmark = pytest.mark.django_db(transaction=True)

SERIES = 3
STALE = STALE_NAN
EXACT = [
    "m",
    "timestamp(m)",
    "absent_over_time(m[RANGE])",
    "avg_over_time(m[RANGE])",
    "changes(m[RANGE])",
    "count_over_time(m[RANGE])",
    "delta(m[RANGE])",
    "first_over_time(m[RANGE])",
    "increase(m[RANGE])",
    "last_over_time(m[RANGE])",
    "max_over_time(m[RANGE])",
    "min_over_time(m[RANGE])",
    "present_over_time(m[RANGE])",
    "rate(m[RANGE])",
    "resets(m[RANGE])",
    "sum_over_time(m[RANGE])",
    "sum(rate(m[RANGE] offset 1h))",
]


def numbered_series(count: int) -> list[int]:
    """Return the ids of series of a metric in the order of their label `i`."""
    label_sets = [label_set({"__name__": "m", "i": f"{number:05d}"}) for number in range(count)]
    return [int(series_id) for series_id in catalogue.series_ids(label_sets)]


def roll_up() -> int:
    return roll_up_due(seconds=60)


def everything(rows: list[Row]) -> list[int]:
    """Write samples and bring them as far as it goes."""
    append(rows)
    compact(LATER_MS)
    merge()
    roll_up()
    return [row[0] for row in rows]


def without_raw() -> None:
    """Delete all samples, as retention does in the end."""
    Segment.objects.all().delete()


def stored_in_memory(rows: list[Row], series: list[int]) -> MemoryStorage:
    storage = MemoryStorage()
    samples: dict[int, list[tuple[int, float]]] = {series_id: [] for series_id in series}
    for series_id, at, pattern in settled(rows):
        samples[series_id].append((at, float(np.uint64(pattern).view(np.float64))))
    for number, series_id in enumerate(series):
        storage.add({"__name__": "m", "i": f"{number:05d}"}, samples[series_id])
    return storage


def answer(
    storage: Any, expr: str, *, step_ms: int = HOUR_MS, days: int = 3, shift_ms: int = 0
) -> Matrix:
    start_ms = MIDNIGHT_MS - DAY_MS + shift_ms
    result = Engine().query_range(
        expr,
        start_ms=start_ms,
        end_ms=start_ms + days * DAY_MS,
        step_ms=step_ms,
        storage=storage,
    )
    assert isinstance(result.value, Matrix)
    return result.value


def assert_same(found: Matrix, expected: Matrix) -> None:
    assert found.label_sets == expected.label_sets
    assert found.timestamps_ms.tolist() == expected.timestamps_ms.tolist()
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-9, atol=1e-9)


def resolutions_read(step_ms: int = HOUR_MS) -> set[int]:
    """Return how far apart the ends of the buckets are that an aligned query reads."""
    hints = SelectHints(
        start_ms=MIDNIGHT_MS - DAY_MS + 1,
        end_ms=MIDNIGHT_MS + 2 * DAY_MS,
        step_ms=step_ms,
        range_ms=step_ms,
        rollup_columns=frozenset({RollupColumn.SUM}),
    )
    ends = [
        end
        for block in PostgresStorage().select([], hints)
        for end in (block.ends_ms if isinstance(block, RollupBlock) else block.timestamps_ms)
    ]
    return {next(size for size in (HOUR_MS, FIVE_MINUTES_MS, 1) if end % size == 0) for end in ends}


ordinary = st.sampled_from([0.0, 1.0, 2.5, 7.0, 100.0])
odd = st.sampled_from([STALE, math.nan, math.inf, -math.inf, -3.25])
minutes = st.integers(-26 * 12, 40 * 12).map(lambda n: n * FIVE_MINUTES_MS)
moments = minutes | st.builds(lambda at, by: at + by, minutes, st.integers(-90_000, 90_000))
sparse = st.lists(st.tuples(st.integers(0, SERIES - 1), moments, ordinary | odd), max_size=30)
scrapes = st.builds(
    lambda series, start, values: [
        (series, start + at * 15_000, value) for at, value in enumerate(values)
    ],
    st.integers(0, SERIES - 1),
    moments,
    st.lists(ordinary | odd, min_size=30, max_size=60) | st.lists(ordinary, max_size=40),
)
batches = st.lists(sparse | scrapes, min_size=1, max_size=4).map(
    lambda parts: [row for part in parts for row in part]
)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    batch=batches,
    late=sparse,
    steps=st.sampled_from([(HOUR_MS, "1h"), (HOUR_MS, "6h"), (FIVE_MINUTES_MS, "10m")]),
    is_raw_gone=st.booleans(),
)
def test_aligned_queries_answer_as_over_samples(
    batch: list[tuple[int, int, float]],
    late: list[tuple[int, int, float]],
    steps: tuple[int, str],
    is_raw_gone: bool,
) -> None:
    empty_tables()
    series = numbered_series(SERIES)
    first, second = (
        [(series[at], MIDNIGHT_MS + offset, value) for at, offset, value in rows]
        for rows in (batch, late)
    )
    samples = stored_in_memory(first + second, series)

    if first:
        everything(first)
    if second:
        everything(second)
    if is_raw_gone:
        without_raw()

    for expr in EXACT:
        query = expr.replace("RANGE", steps[1])
        expected = answer(samples, query, step_ms=steps[0])
        assert_same(answer(PostgresStorage(), query, step_ms=steps[0]), expected)


# In the middle of a day, shortly after it, and long after all.
clocks = st.sampled_from([MIDNIGHT_MS + 13 * HOUR_MS, MIDNIGHT_MS + 25 * HOUR_MS, LATER_MS])
steps_of_work = st.one_of(
    st.tuples(st.just("append"), sparse.filter(bool)),
    st.tuples(
        st.sampled_from(["compact", "merge", "roll up"]),
        clocks,
        st.none() | st.integers(0, 16),
    ),
)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(steps_of_work, max_size=9))
def test_queries_see_each_sample_once_whatever_is_rolled_up_and_dies_when(
    plan: list[tuple[Any, ...]],
) -> None:
    empty_tables()
    series = numbered_series(SERIES)
    rows: list[Row] = []

    for step in plan:
        match step:
            case ("append", batch):
                batch = [(series[at], MIDNIGHT_MS + offset, value) for at, offset, value in batch]
                append(batch)
                rows += batch
            case (action, now_ms, crash):
                wait_until_settled()
                with suppress(CrashedError), crash_at(10**9 if crash is None else crash):
                    if action == "compact":
                        compaction.compact_log(now_ms=now_ms, seconds=60)
                    elif action == "merge":
                        compaction.merge_due(now_ms=now_ms, seconds=60)
                    else:
                        roll_up()
            case _:
                raise AssertionError(step)

        for expr in ("count_over_time(m[1h])", "increase(m[5m])", "m"):
            expected = answer(stored_in_memory(rows, series), expr)
            assert_same(answer(PostgresStorage(), expr), expected)


def ramp(series: int, days: int = 2, every_ms: int = 60_000) -> list[Row]:
    """Return a counter of the number of its samples."""
    return [
        (series, MIDNIGHT_MS + at, float(at // every_ms))
        for at in range(0, days * DAY_MS, every_ms)
    ]


def test_a_connection_that_is_killed_leaves_whole_days() -> None:
    series = numbered_series(2)
    rows = ramp(series[0], every_ms=1_800_000) + ramp(series[1], every_ms=1_800_000)
    append(rows)
    compact(LATER_MS)
    merge()
    expected = answer(stored_in_memory(rows, series), "increase(m[1h])")

    for statement in range(30):
        with suppress(CrashedError, DatabaseError), crash_at(statement, kill=True):
            roll_up()
        connection.close()

        assert_same(answer(PostgresStorage(), "increase(m[1h])"), expected)
    roll_up()
    without_raw()
    assert_same(answer(PostgresStorage(), "increase(m[1h])"), expected)


def test_the_coarsest_exact_resolution_is_read() -> None:
    (series,) = numbered_series(1)

    everything(ramp(series))

    assert resolutions_read(HOUR_MS) == {HOUR_MS}
    assert resolutions_read(FIVE_MINUTES_MS) == {HOUR_MS, FIVE_MINUTES_MS}
    assert 1 in resolutions_read(60_000)


def test_a_day_that_is_not_rolled_up_is_read_from_samples_beside_those_that_are() -> None:
    (series,) = numbered_series(1)
    rows = ramp(series, days=2)
    everything([row for row in rows if row[1] < MIDNIGHT_MS + DAY_MS])
    append([row for row in rows if row[1] >= MIDNIGHT_MS + DAY_MS])

    found = answer(PostgresStorage(), "increase(m[2h])")

    assert resolutions_read() == {HOUR_MS}
    assert_same(found, answer(stored_in_memory(rows, [series]), "increase(m[2h])"))


def test_the_day_that_goes_on_is_rolled_up_until_its_last_two_hours_that_are_merged() -> None:
    (series,) = numbered_series(1)
    rows = ramp(series, days=2)
    append(rows)
    compact(MIDNIGHT_MS)
    merge(MIDNIGHT_MS + DAY_MS + 13 * HOUR_MS)

    assert roll_up() == 2

    rolled = RolledDay.objects.order_by("day_ms").values_list("until_ms", flat=True)
    assert [until_ms - MIDNIGHT_MS for until_ms in rolled] == [DAY_MS, DAY_MS + 12 * HOUR_MS]
    assert resolutions_read() == {HOUR_MS, FIVE_MINUTES_MS}
    for expr in ("increase(m[2h])", "sum_over_time(m[1h])", "m"):
        expected = answer(stored_in_memory(rows, [series]), expr)
        assert_same(answer(PostgresStorage(), expr), expected)


def test_late_samples_are_seen_at_once_and_the_day_is_rolled_up_again() -> None:
    (series,) = numbered_series(1)
    rows = ramp(series)
    late = [(series, MIDNIGHT_MS + 90_001, 5.0)]
    everything(rows)
    expected = answer(stored_in_memory(rows + late, [series]), "sum_over_time(m[1h])")

    append(late)
    assert_same(answer(PostgresStorage(), "sum_over_time(m[1h])"), expected)
    compact(LATER_MS)
    assert_same(answer(PostgresStorage(), "sum_over_time(m[1h])"), expected)
    merge()
    assert_same(answer(PostgresStorage(), "sum_over_time(m[1h])"), expected)
    assert roll_up() == 1

    without_raw()
    assert_same(answer(PostgresStorage(), "sum_over_time(m[1h])"), expected)


def test_a_late_stale_marker_takes_the_place_of_the_sample_of_its_time() -> None:
    (series,) = numbered_series(1)
    rows = [(series, MIDNIGHT_MS + at, 1.0) for at in (1000, 2000)]
    late = [(series, MIDNIGHT_MS + 1000, STALE)]

    everything(rows)
    everything(late)

    without_raw()
    expected = answer(stored_in_memory(rows + late, [series]), "count_over_time(m[1h])")
    assert_same(answer(PostgresStorage(), "count_over_time(m[1h])"), expected)


def test_a_day_is_rolled_up_once() -> None:
    (series,) = numbered_series(1)
    append(ramp(series))
    compact(LATER_MS)
    merge()

    assert [roll_up(), roll_up()] == [2, 0]


def test_samples_that_come_when_others_are_gone_add_to_what_was_rolled_up() -> None:
    (series,) = numbered_series(1)
    rows = [row for row in ramp(series, days=1) if row[1] % HOUR_MS < HOUR_MS // 2]
    everything(rows)
    without_raw()

    imported = [(series, MIDNIGHT_MS + 45 * 60_000, 7.0)]
    everything(imported)

    expected = answer(stored_in_memory(rows + imported, [series]), "sum_over_time(m[5m])")
    found = answer(PostgresStorage(), "sum_over_time(m[5m])")
    assert_same(found, expected)


def test_workers_share_the_days() -> None:
    series = [*make_series(1, "a"), *make_series(1, "b"), *make_series(1)]
    rows = [row for one in series for row in ramp(one, every_ms=600_000)]
    append(rows)
    compact(LATER_MS)
    merge()
    done: list[int] = []

    def work() -> None:
        try:
            done.append(roll_up())
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    roll_up()

    assert RolledDay.objects.count() == 6
    assert Rollup.objects.filter(resolution_ms=FIVE_MINUTES_MS).count() == 6
    assert sum(Rollup.objects.values_list("sample_count", flat=True)) == 2 * len(rows)


def test_a_metric_that_another_worker_has_is_left_to_it() -> None:
    (series,) = numbered_series(1)
    append(ramp(series))
    compact(LATER_MS)
    merge()
    other = connection.copy()

    with other.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_lock(%s)",
            [compaction.merge_lock_number(Metric.objects.get(name="m").pk)],
        )
        left = roll_up()
        cursor.execute("SELECT pg_advisory_unlock_all()")
    other.close()

    assert (left, roll_up()) == (0, 2)


@pytest.fixture
def only_rollups() -> list[int]:
    """Two series of two days of which only rollups are left."""
    series = numbered_series(2)
    everything([row for one in series for row in ramp(one)])
    without_raw()
    return series


def test_windows_are_rounded_with_a_warning_where_samples_are_gone(
    only_rollups: list[int],
) -> None:
    result = Engine().query(
        "count_over_time(m[10m])", at_ms=MIDNIGHT_MS + 63 * 60_000, storage=PostgresStorage()
    )

    assert result.value.values.tolist() == [10, 10]  # type: ignore[union-attr]  # a vector
    assert "rounded to 5m" in result.warnings[0]


def test_five_minutes_are_taken_before_an_hour_and_an_hour_when_they_are_gone(
    only_rollups: list[int],
) -> None:
    ids = list(Metric.objects.values_list("pk", flat=True))
    query = {"at_ms": MIDNIGHT_MS + 63 * 60_000, "storage": PostgresStorage()}
    expr = "max_over_time(m[10m])"

    fine = Engine().query(expr, **query)  # type: ignore[arg-type]  # from the dictionary
    table.delete_before(ids, FIVE_MINUTES_MS, LATER_MS)
    coarse = Engine().query(expr, **query)  # type: ignore[arg-type]

    assert fine.value.values.tolist() == [60, 60]  # type: ignore[union-attr]  # a vector
    assert "rounded to 1h" in coarse.warnings[0]
    assert coarse.value.values.tolist() == [60, 60]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "expr", ["stddev_over_time(m[1h])", "irate(m[1h])", "stddev_over_time(m[1h] offset 5m)"]
)
def test_functions_that_need_samples_are_refused_where_these_are_gone(
    only_rollups: list[int], expr: str
) -> None:
    with pytest.raises(RawSamplesGoneError, match=r"needs raw samples.*2024-01-02 00:00 UTC"):
        Engine().query(expr, at_ms=MIDNIGHT_MS + 12 * HOUR_MS, storage=PostgresStorage())


def test_functions_that_need_samples_are_answered_where_there_are_any() -> None:
    (series,) = numbered_series(1)
    everything(ramp(series))

    found = answer(PostgresStorage(), "stddev_over_time(m[1h])")

    assert_same(found, answer(stored_in_memory(ramp(series), [series]), "stddev_over_time(m[1h])"))


def test_unaligned_queries_are_answered_from_samples_while_they_are_there() -> None:
    (series,) = numbered_series(1)
    everything(ramp(series))

    found = answer(PostgresStorage(), "increase(m[7m])", shift_ms=61_000)

    expected = answer(stored_in_memory(ramp(series), [series]), "increase(m[7m])", shift_ms=61_000)
    assert_same(found, expected)


def forget(series: list[int], start_ms: int, end_ms: int) -> int:
    ids = np.array(series)
    with transaction.atomic():
        return forget_series(
            Metric.objects.get(name="m").pk,
            lambda held: held[places_of(held, ids)],
            start_ms,
            end_ms,
        )


def test_deleted_series_leave_the_rollups(only_rollups: list[int]) -> None:
    forget(only_rollups[:1], -(2**61), 2**61)

    found = answer(PostgresStorage(), "count_over_time(m[1h])")

    assert [dict(labels)["i"] for labels in found.label_sets] == ["00001"]


def test_a_deleted_range_leaves_the_rollups_with_the_buckets_on_its_edges(
    only_rollups: list[int],
) -> None:
    forget(only_rollups[:1], MIDNIGHT_MS + 62 * 60_000, MIDNIGHT_MS + 68 * 60_000)

    found = Engine().query(
        "count_over_time(m[30m])", at_ms=MIDNIGHT_MS + 80 * 60_000, storage=PostgresStorage()
    )

    assert sorted(found.value.samples()) == [  # type: ignore[union-attr]  # a vector
        ((("i", "00000"),), 20),
        ((("i", "00001"),), 30),
    ]


def test_a_deleted_range_is_exact_again_where_samples_are_left() -> None:
    series = numbered_series(2)
    rows = [row for one in series for row in ramp(one)]
    everything(rows)
    start_ms, end_ms = MIDNIGHT_MS + 62 * 60_000, MIDNIGHT_MS + 68 * 60_000
    left = [row for row in rows if row[0] != series[0] or not start_ms <= row[1] <= end_ms]

    Segment.objects.all().delete()
    append(left)
    compact(LATER_MS)
    merge()
    forget(series[:1], start_ms, end_ms)
    roll_up()

    without_raw()
    expr = "sum_over_time(m[5m])"
    expected = answer(stored_in_memory(left, series), expr, step_ms=FIVE_MINUTES_MS)
    assert_same(answer(PostgresStorage(), expr, step_ms=FIVE_MINUTES_MS), expected)


def test_samples_are_known_to_be_rolled_up_until_late_ones_come() -> None:
    (series,) = numbered_series(1)
    metric_id = Metric.objects.get(name="m").pk
    append(ramp(series))
    compact(LATER_MS)
    merge()
    seen = [days.first_unrolled_ms([metric_id]).get(metric_id)]

    roll_up()
    seen.append(days.first_unrolled_ms([metric_id]).get(metric_id))
    append([(series, MIDNIGHT_MS + DAY_MS + 1, 1.0)])
    compact(LATER_MS)
    seen.append(days.first_unrolled_ms([metric_id]).get(metric_id))

    assert seen == [MIDNIGHT_MS, None, MIDNIGHT_MS + DAY_MS]


def test_days_are_rolled_up_again_when_they_are_marked() -> None:
    (series,) = numbered_series(1)
    everything(ramp(series))

    days.mark_dirty(Metric.objects.get(name="m").pk, MIDNIGHT_MS + 5, MIDNIGHT_MS + 6)

    assert roll_up() == 1


def test_old_rollups_are_deleted_by_resolution() -> None:
    (series,) = numbered_series(1)
    everything(ramp(series))
    ids = list(Metric.objects.values_list("pk", flat=True))

    deleted = table.delete_before(ids, FIVE_MINUTES_MS, MIDNIGHT_MS + DAY_MS)

    assert deleted == 1
    assert sorted(Rollup.objects.values_list("resolution_ms", "window_start_ms"))[0] == (
        FIVE_MINUTES_MS,
        MIDNIGHT_MS + DAY_MS,
    )


def test_the_number_of_statements_does_not_grow_with_the_rows(
    django_assert_max_num_queries: Any,
) -> None:
    (series,) = numbered_series(1)
    everything(ramp(series, days=10, every_ms=600_000))

    with django_assert_max_num_queries(6):
        answer(PostgresStorage(), "rate(m[1h])", days=12)


def test_rollups_are_kept_as_long_as_the_policies_say() -> None:
    (series,) = numbered_series(1)
    everything(ramp(series))
    without_raw()
    retention.forget()
    kept = []

    for days_later in (180, 182, 730, 761):
        expiry.delete_expired(MIDNIGHT_MS + days_later * DAY_MS)
        resolutions = Rollup.objects.order_by().values_list("resolution_ms", flat=True)
        kept.append(sorted(set(resolutions)))

    assert kept == [[FIVE_MINUTES_MS, HOUR_MS], [HOUR_MS], [HOUR_MS], []]
    assert RolledDay.objects.count() == 0


def test_rollups_stay_when_another_process_has_just_made_their_policy_longer() -> None:
    (series,) = numbered_series(1)
    everything(ramp(series))
    RetentionPolicy.objects.create(pattern="m", rollup_5m_days=30, rollup_1h_days=30)
    retention.forget()
    retention.policies()
    RetentionPolicy.objects.update(rollup_5m_days=3650, rollup_1h_days=3650)

    assert expiry.delete_expired(MIDNIGHT_MS + 1000 * DAY_MS) == 0


def test_rollups_of_a_metric_that_is_gone_are_deleted(only_rollups: list[int]) -> None:
    Series.objects.all().delete()
    Metric.objects.all().delete()

    deleted = expiry.delete_expired(MIDNIGHT_MS)

    assert (deleted, Rollup.objects.count(), RolledDay.objects.count()) == (3, 0, 0)


def test_series_of_which_only_rollups_are_left_are_known(only_rollups: list[int]) -> None:
    metric_id = Metric.objects.get(name="m").pk

    unknown = table.without_rollups(metric_id, np.array([*sorted(only_rollups), 10**9]))

    assert unknown.tolist() == [10**9]
