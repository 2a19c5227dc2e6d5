"""Idle series leave the catalogue, and no writer loses anything by it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Event

import pytest
from django.db import DatabaseError, InterfaceError, connection, connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability.metrics.models import LabelPair, Metric, Segment, Series
from observability.metrics.store import catalogue, compaction, idle_series, unused
from observability.metrics.store.idle_series import Collected
from observability.metrics.store.rollups.making import roll_up_due
from observability.promql.labels import LabelSet, label_set
from tests.metrics.store.database import (
    LATER_MS,
    MIDNIGHT_MS,
    CrashedError,
    compact,
    crash_at,
    merge,
    wait_until_settled,
)
from tests.metrics.store.samples import Row, settled
from tests.metrics.store.writers import contents, on_own_connection, write

pytestmark = pytest.mark.django_db(transaction=True)

DAYS_LATER = timedelta(days=2)


def make(count: int, metric: str = "m") -> list[LabelSet]:
    """Return the labels of series that exist and have no samples."""
    labels = [label_set({"__name__": metric, "i": str(number)}) for number in range(count)]
    catalogue.series_ids(labels)
    return labels


def collect(seconds: float = 60) -> int:
    collected = idle_series.collect(now=timezone.now() + DAYS_LATER, seconds=seconds)
    unused.delete_all(seconds=seconds)
    return collected.deleted


@pytest.mark.parametrize("where", ["log", "recent segments", "daily segments"])
def test_only_series_without_samples_go(where: str) -> None:
    labels = make(6)
    rows = [(1, MIDNIGHT_MS, 1.0), (4, MIDNIGHT_MS - 9 * 86_400_000, 2.0)]
    for row in rows:
        write(labels, [row])
    if where != "log":
        compact()
    if where == "daily segments":
        merge()

    deleted = collect()

    assert deleted == 4
    assert contents(labels) == settled(rows)
    assert sorted(LabelPair.objects.values_list("value", flat=True)) == ["1", "4"]
    assert Metric.objects.get().series_count == 2
    assert not Series.objects.exclude(retiring_epoch=None).exists()


def test_young_series_stay() -> None:
    make(3)

    collected = idle_series.collect(now=timezone.now() + timedelta(hours=23), seconds=60)

    assert collected == Collected(0, None)
    assert Series.objects.count() == 3


def test_a_metric_without_series_goes_along() -> None:
    make(3, "idle")
    write(make(3, "busy"), [(0, MIDNIGHT_MS, 1.0)])

    collect()

    assert list(Metric.objects.values_list("name", flat=True)) == ["busy"]


def test_series_of_many_metrics_are_found_in_several_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idle_series, "_SERIES_PER_ROUND", 4)
    busy = [make(7, f"m{number}")[number] for number in range(5)]
    write(busy, [(place, MIDNIGHT_MS, 1.0) for place in range(5)])

    deleted = collect()

    assert deleted == 30
    assert Series.objects.count() == 5


def test_a_run_whose_time_is_up_says_where_the_next_goes_on() -> None:
    for number in range(3):
        make(2, f"m{number}")
    later = timezone.now() + DAYS_LATER

    runs = []
    after_metric_id: int | None = 0
    while after_metric_id is not None:
        collected = idle_series.collect(now=later, seconds=0, after_metric_id=after_metric_id)
        after_metric_id = collected.after_metric_id
        runs.append(collected.deleted)

    assert runs == [2, 2, 2, 0]
    assert not Series.objects.exists()


def test_a_process_that_remembers_a_collected_series_makes_it_anew() -> None:
    labels = make(2)
    collect()

    write(labels, [(0, MIDNIGHT_MS, 1.0)])

    assert contents(labels) == settled([(0, MIDNIGHT_MS, 1.0)])


def test_a_writer_revives_a_series_that_is_retiring() -> None:
    labels = make(2)
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            # A write that has begun before and does not end.
            cursor.execute("LOCK TABLE metrics_samplelog IN ROW EXCLUSIVE MODE")
        while_writing = collect(seconds=0)
        retiring = Series.objects.exclude(retiring_epoch=None).count()
        write(labels, [(1, MIDNIGHT_MS, 1.0)])
    finally:
        other.rollback()
        other.close()

    deleted = collect()

    assert (while_writing, retiring, deleted) == (0, 2, 1)
    assert contents(labels) == settled([(1, MIDNIGHT_MS, 1.0)])


def test_what_a_write_that_began_before_has_stored_keeps_its_series() -> None:
    labels = make(2)
    is_written, may_commit = Event(), Event()

    def write_slowly() -> None:
        with transaction.atomic():
            write(labels, [(0, MIDNIGHT_MS, 1.0)])
            is_written.set()
            may_commit.wait(60)

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(on_own_connection(write_slowly))
        assert is_written.wait(60)
        collecting = pool.submit(on_own_connection(collect))
        while not Series.objects.exclude(retiring_epoch=None).exists():
            assert not collecting.done()
        may_commit.set()
        writing.result(timeout=60)
        deleted = collecting.result(timeout=60)

    assert deleted == 1
    assert contents(labels) == settled([(0, MIDNIGHT_MS, 1.0)])


@pytest.mark.parametrize("statement", range(8))
def test_unused_metrics_go_together_with_what_processes_remember(statement: int) -> None:
    make(2)
    Series.objects.all().delete()
    Metric.objects.update(series_count=0)
    before = catalogue.epoch()

    with suppress(CrashedError), crash_at(statement):
        unused.delete_metrics()
    catalogue.forget()

    assert Metric.objects.exists() is (catalogue.epoch().number == before.number)


SERIES = 5
rows = st.lists(
    st.tuples(
        st.integers(0, SERIES - 1),
        st.integers(0, 3).map(lambda day: MIDNIGHT_MS + day * 86_400_000),
        st.sampled_from([1.0, 2.0]),
    ),
    min_size=1,
    max_size=4,
)
steps = st.one_of(
    st.tuples(st.just("write"), rows),
    st.tuples(st.just("collect"), st.none() | st.integers(0, 25), st.booleans()),
    st.tuples(st.just("compact"), st.none()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=8))
def test_nothing_is_lost_whatever_dies_when(plan: list[tuple[object, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE metrics_samplelog, metrics_segment")
        cursor.execute("DELETE FROM metrics_series")
        cursor.execute("UPDATE metrics_metric SET series_count = 0")
    catalogue.forget()
    labels = [label_set({"__name__": f"m{n % 2}", "n": str(n)}) for n in range(SERIES)]
    catalogue.series_ids(labels)
    acknowledged: list[Row] = []

    for step in plan:
        match step:
            case ("write", list(batch)):
                write(labels, batch)
                acknowledged += batch
            case ("collect", crash, bool(kill)):
                with (
                    suppress(CrashedError, DatabaseError, InterfaceError),
                    crash_at(10**9 if crash is None else crash, kill=kill),  # type: ignore[arg-type]  # from the strategy
                ):
                    collect()
                if kill:
                    connection.close()
            case _:
                wait_until_settled()
                compaction.compact_log(now_ms=LATER_MS, seconds=60)

        assert contents(labels) == settled(acknowledged)
    collect()
    assert Series.objects.count() == len({row[0] for row in acknowledged})


def test_writers_with_memories_lose_nothing_to_the_collection() -> None:
    """Writers come back to series, of hundreds without samples, while those are collected."""
    labels = make(400)
    stop = Event()
    acknowledged: list[list[Row]] = [[], []]

    def write_on(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 (no secret)
        while not stop.is_set() and len(acknowledged[number]) < 150:
            row = (chance.randrange(len(labels)), MIDNIGHT_MS + number, float(number))
            write(labels, [row])
            acknowledged[number].append(row)

    def compact_on() -> None:
        while not stop.is_set():
            compaction.compact_log_once(now_ms=LATER_MS)
            compaction.merge_due(now_ms=LATER_MS, seconds=5)

    with ThreadPoolExecutor(3) as pool:
        writers = [
            pool.submit(on_own_connection(lambda number=number: write_on(number)))  # type: ignore[misc]  # bound at once
            for number in range(2)
        ]
        compacting = pool.submit(on_own_connection(compact_on))
        try:
            deleted = 0
            while not all(writer.done() for writer in writers):
                deleted += collect()
        finally:
            stop.set()
        for future in (*writers, compacting):
            future.result(timeout=60)

    assert deleted > 0
    assert contents(labels) == settled([*acknowledged[0], *acknowledged[1]])


def test_series_of_which_only_rollups_are_left_stay() -> None:
    labels = make(3)
    write(labels, [(1, MIDNIGHT_MS, 1.0)])
    compact()
    merge()
    roll_up_due(seconds=60)
    Segment.objects.all().delete()

    assert collect() == 2
    assert LabelPair.objects.get().value == "1"
