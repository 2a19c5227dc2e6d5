"""Deletion: what was deleted is gone, everything else is there once, whoever dies when."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event

import numpy as np
import pytest
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability.metrics.errors import CatalogueMovedError
from observability.metrics.models import (
    Deletion,
    DeletionPhase,
    DeletionState,
    LabelPair,
    Metric,
    SampleLog,
    Segment,
    Series,
)
from observability.metrics.store import catalogue, compaction, deletion, log
from observability.metrics.store.log import LogSamples
from observability.metrics.store.paging import decode_directory
from observability.promql.errors import PromQLError
from observability.promql.labels import label_set
from tests.metrics.store.database import (
    DAY_MS,
    LATER_MS,
    MIDNIGHT_MS,
    CrashedError,
    append,
    compact,
    crash_at,
    merge,
    read_all,
    wait_until_settled,
)
from tests.metrics.store.samples import Row, settled
from tests.metrics.store.writers import contents, on_own_connection, write

pytestmark = pytest.mark.django_db(transaction=True)


def delete(*selectors: str, start_ms: int | None = None, end_ms: int | None = None) -> Deletion:
    """Delete and return what the deletion says at its end."""
    wish = deletion.request(selectors, start_ms=start_ms, end_ms=end_ms, requested_by="somebody")
    run()
    wish.refresh_from_db()
    return wish


def numbered_series(count: int, metric: str = "m") -> list[int]:
    """Return the ids of series by their number, which is the label `i`."""
    label_sets = [label_set({"__name__": metric, "i": f"{number:05d}"}) for number in range(count)]
    ids: list[int] = catalogue.series_ids(label_sets).tolist()
    return ids


def run() -> None:
    deletion.run_due(now_ms=LATER_MS, seconds=60)


def samples_of(series: list[int]) -> list[Row]:
    """Return samples in the log's rows, one a quarter of an hour over two days, for each series."""
    return [
        (one, MIDNIGHT_MS + at, float(one))
        for one in series
        for at in range(0, 2 * DAY_MS, 900_000)
    ]


def stored_ids() -> set[int]:
    """Return the series of which the log or a segment holds samples."""
    ids: set[int] = set()
    for data in SampleLog.objects.values_list("data", flat=True):
        ids.update(log.decode(data).series_ids.tolist())
    for segment in Segment.objects.all():
        ids.update(decode_directory(segment.directory).series_ids.tolist())
    return ids


@pytest.mark.parametrize("where", ["log", "recent segments", "daily segments"])
def test_a_deleted_series_leaves_nothing_and_takes_nothing_along(where: str) -> None:
    series = numbered_series(4)
    rows = samples_of(series)
    append(rows)
    if where != "log":
        compact(MIDNIGHT_MS)
    if where == "daily segments":
        merge()

    wish = delete('m{i="00001"}', 'm{i=~"0000[13]"}')
    wait_until_settled()
    compact(MIDNIGHT_MS)

    kept = [series[0], series[2]]
    assert sorted(read_all(series)) == settled(row for row in rows if row[0] in kept)
    assert stored_ids() == set(kept)
    assert (wish.state, wish.series_count) == (DeletionState.DONE, 2)
    assert wish.samples_removed == (0 if where == "log" else len(rows) // 2)
    assert Metric.objects.get().series_count == 2
    assert sorted(LabelPair.objects.values_list("value", flat=True)) == ["00000", "00002"]


def test_a_metric_that_has_lost_its_last_series_is_gone() -> None:
    series = numbered_series(3, "gone")
    others = numbered_series(3, "stays")
    append(samples_of([*series, *others]))
    compact()

    delete("gone")

    assert list(Metric.objects.values_list("name", flat=True)) == ["stays"]
    assert Segment.objects.exclude(metric__name="stays").count() == 0
    assert LabelPair.objects.count() == 3


def test_a_series_that_is_written_again_begins_anew() -> None:
    (old,) = numbered_series(1)
    append([(old, MIDNIGHT_MS, 1.0)])
    delete("m")
    catalogue.forget()

    (new,) = numbered_series(1)
    append([(new, MIDNIGHT_MS + 1, 2.0)])

    assert new != old
    assert read_all([new]) == settled([(new, MIDNIGHT_MS + 1, 2.0)])


def test_a_series_that_comes_after_the_wish_stays() -> None:
    numbered_series(1)
    wish = deletion.request(["m"], requested_by="somebody")
    labels = label_set({"__name__": "m", "i": "later"})
    (later,) = catalogue.series_ids([labels]).tolist()

    run()

    wish.refresh_from_db()
    assert wish.series_count == 1
    assert list(Series.objects.values_list("id", flat=True)) == [later]


@pytest.mark.parametrize("where", ["log", "recent segments", "daily segments"])
def test_a_range_is_cut_out_of_the_series_that_match(where: str) -> None:
    series = numbered_series(3)
    rows = samples_of(series)
    append(rows)
    if where != "log":
        compact(MIDNIGHT_MS)
    if where == "daily segments":
        merge()
    start_ms, end_ms = MIDNIGHT_MS + 900_000, MIDNIGHT_MS + DAY_MS

    wish = delete('m{i!="00000"}', start_ms=start_ms, end_ms=end_ms)

    kept = [row for row in rows if row[0] == series[0] or not start_ms <= row[1] <= end_ms]
    assert sorted(read_all(series)) == settled(kept)
    assert (wish.state, wish.series_count) == (DeletionState.DONE, 2)
    assert wish.samples_removed == len(rows) - len(kept)
    assert Series.objects.count() == 3


@pytest.mark.parametrize("bound", ["start", "end"])
def test_a_range_may_be_open_on_one_side(bound: str) -> None:
    (series,) = numbered_series(1)
    append((series, MIDNIGHT_MS + at, 1.0) for at in range(5))
    middle_ms = MIDNIGHT_MS + 2

    if bound == "start":
        delete("m", start_ms=middle_ms)
    else:
        delete("m", end_ms=middle_ms)

    times = [at - MIDNIGHT_MS for _, at, _ in read_all([series])]
    assert times == ([0, 1] if bound == "start" else [3, 4])


@pytest.mark.parametrize(
    "selector",
    ["", "{}", '{job=~".*"}', "rate(m[5m])", "m[5m]", "m offset 5m", 'm{i=~"("}', "up{"],
)
def test_what_is_no_selector_of_series_is_refused(selector: str) -> None:
    with pytest.raises(PromQLError):
        deletion.request([selector], requested_by="somebody")

    assert not Deletion.objects.exists()


def test_a_deletion_that_finds_nothing_is_done_at_once() -> None:
    wish = delete("nothing")

    assert (wish.state, wish.series_count, wish.samples_removed) == (DeletionState.DONE, 0, 0)


def test_a_deletion_waits_for_writes_that_began_before() -> None:
    series = numbered_series(2)
    epoch = catalogue.epoch()
    other = connections.create_connection("default")
    wish = deletion.request(['m{i="00000"}'], requested_by="somebody")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            # What an append does before its statement looks at the epoch.
            cursor.execute("LOCK TABLE metrics_samplelog IN ROW EXCLUSIVE MODE")
        moves = 0
        while deletion.advance(wish.pk):
            moves += 1
        wish.refresh_from_db()
        while_writing = wish.phase
    finally:
        other.rollback()
        other.close()
    with pytest.raises(CatalogueMovedError):
        log.append(
            LogSamples(
                series_ids=np.array([series[1]]),
                timestamps_ms=np.array([MIDNIGHT_MS]),
                values=np.array([1.0]),
            ),
            epoch,
        )
    run()

    wish.refresh_from_db()
    assert (while_writing, wish.state) == (DeletionPhase.SETTLING, DeletionState.DONE)


def test_the_metric_that_another_worker_merges_is_waited_for() -> None:
    (series,) = numbered_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    compact()
    wish = deletion.request(["m"], requested_by="somebody")
    metric_id = Metric.objects.get().pk
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s)", [compaction.merge_lock_number(metric_id)]
            )
        while deletion.advance(wish.pk):
            pass
        wish.refresh_from_db()
        while_merging = wish.phase
    finally:
        other.close()
    run()

    wish.refresh_from_db()
    assert (while_merging, wish.state) == (DeletionPhase.REWRITING, DeletionState.DONE)


def test_two_workers_do_not_take_the_same_deletion() -> None:
    numbered_series(1)
    wish = deletion.request(["m"], requested_by="somebody")

    with transaction.atomic():
        Deletion.objects.select_for_update().get(pk=wish.pk)
        with ThreadPoolExecutor(1) as pool:
            has_moved = pool.submit(on_own_connection(lambda: deletion.advance(wish.pk))).result()

    assert not has_moved


def test_a_deletion_that_fails_says_why_and_can_be_resumed() -> None:
    (series,) = numbered_series(1)
    append([(series, MIDNIGHT_MS, 1.0)])
    compact()
    directory = Segment.objects.get().directory
    Segment.objects.update(directory=b"\x09" + bytes(directory)[1:])

    failed = delete("m")
    Segment.objects.update(directory=directory)
    deletion.resume(failed.pk)
    run()

    assert failed.state == DeletionState.FAILED
    assert "layout 9" in failed.error
    failed.refresh_from_db()
    assert (failed.state, failed.samples_removed) == (DeletionState.DONE, 1)


SERIES = 4
offsets = st.builds(
    lambda window, step: window + step,
    st.sampled_from([-DAY_MS, 0, 900_000, 7_200_000, DAY_MS]),
    st.integers(-2, 2),
)
batches = st.lists(
    st.tuples(st.integers(0, SERIES - 1), offsets, st.sampled_from([1.0, 2.0, -3.5])),
    min_size=1,
    max_size=12,
)
moments = st.sampled_from([0, 961_000, DAY_MS + 1_800_000, 30 * DAY_MS])
crashes = st.none() | st.integers(0, 25)
steps = st.one_of(
    st.tuples(st.just("append"), batches),
    st.tuples(st.sampled_from(["compact", "merge"]), moments, crashes),
    st.tuples(st.just("delete"), st.sets(st.integers(0, SERIES - 1), min_size=1), crashes),
    st.tuples(
        st.just("cut"),
        st.sets(st.integers(0, SERIES - 1), min_size=1),
        offsets,
        offsets,
        crashes,
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=8))
def test_what_was_not_deleted_is_read_once_whatever_dies_when(
    plan: list[tuple[object, ...]],
) -> None:
    empty_store()
    labels = [label_set({"__name__": f"m{n % 2}", "n": str(n)}) for n in range(SERIES)]
    kept: list[tuple[int, int, float]] = []

    def step_on(run: Callable[[], object], crash: object) -> None:
        with suppress(CrashedError), crash_at(10**9 if crash is None else crash):  # type: ignore[arg-type]  # from the strategy
            run()

    for step in plan:
        match step:
            case ("append", list(batch)):
                write(labels, [(n, MIDNIGHT_MS + offset, value) for n, offset, value in batch])
                kept += [(n, MIDNIGHT_MS + offset, value) for n, offset, value in batch]
            case ("compact" | "merge" as action, int(after_ms), crash):
                wait_until_settled()
                work = compaction.compact_log if action == "compact" else compaction.merge_due
                step_on(
                    lambda work=work, after_ms=after_ms: work(  # type: ignore[misc]  # bound at once
                        now_ms=MIDNIGHT_MS + after_ms, seconds=60
                    ),
                    crash,
                )
            case ("delete", set(chosen), crash):
                deletion.request([selector_of(chosen)], requested_by="somebody")
                step_on(run, crash)
                run()
                kept = [row for row in kept if row[0] not in chosen]
            case ("cut", set(chosen), int(one), int(other), crash):
                start_ms, end_ms = (MIDNIGHT_MS + at for at in sorted((one, other)))
                deletion.request(
                    [selector_of(chosen)], start_ms=start_ms, end_ms=end_ms, requested_by="x"
                )
                step_on(run, crash)
                run()
                kept = [
                    row for row in kept if row[0] not in chosen or not start_ms <= row[1] <= end_ms
                ]
            case _:
                raise AssertionError(step)

        assert contents(labels) == settled(kept)
    assert not Deletion.objects.exclude(state=DeletionState.DONE).exists()
    compact(LATER_MS)
    assert stored_ids() <= set(Series.objects.values_list("id", flat=True))


def selector_of(numbers: set[int]) -> str:
    return '{n=~"' + "|".join(map(str, sorted(numbers))) + '"}'


def empty_store() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE metrics_samplelog, metrics_segment, metrics_deletion CASCADE")
        cursor.execute("DELETE FROM metrics_series")
        cursor.execute("UPDATE metrics_metric SET series_count = 0")
    catalogue.forget()


@pytest.mark.parametrize("is_whole", [True, False], ids=["series", "range"])
def test_a_killed_connection_in_the_middle_of_a_deletion_does_no_harm(is_whole: bool) -> None:
    series = numbered_series(3)
    rows = samples_of(series)
    append(rows[: len(rows) // 2])
    compact(LATER_MS)
    merge()
    append(rows[len(rows) // 2 :])
    start_ms = None if is_whole else MIDNIGHT_MS
    wish = deletion.request(['m{i="00001"}'], start_ms=start_ms, requested_by="somebody")

    for statement in range(0, 60, 2):
        with suppress(CrashedError, DatabaseError), crash_at(statement, kill=True):
            run()
        connection.close()
    run()
    compact(LATER_MS)

    wish.refresh_from_db()
    assert wish.state == DeletionState.DONE
    assert sorted(read_all(series)) == settled(row for row in rows if row[0] != series[1])


def test_writers_with_memories_lose_nothing_that_was_acknowledged_after_a_deletion() -> None:
    """Writers go on writing the series that are deleted again and again, and count what was taken."""
    labels = [label_set({"__name__": "m", "n": str(n)}) for n in range(20)]
    stop = Event()
    acknowledged: list[list[int]] = [[], []]

    def write_on(place: int) -> None:
        at = MIDNIGHT_MS + place
        while not stop.is_set():
            write(labels, [(n, at, 1.0) for n in range(len(labels))])
            acknowledged[place].append(at)
            at += 2

    def compact_on() -> None:
        while not stop.is_set():
            compaction.compact_log_once(now_ms=LATER_MS)
            compaction.merge_due(now_ms=LATER_MS, seconds=5)

    with ThreadPoolExecutor(3) as pool:
        futures = [
            pool.submit(on_own_connection(work))
            for work in (lambda: write_on(0), lambda: write_on(1), compact_on)
        ]
        try:
            for _ in range(8):
                before = [len(times) for times in acknowledged]
                while any(len(a) < b + 3 for a, b in zip(acknowledged, before, strict=True)):
                    assert not any(future.done() for future in futures)
                wish = delete('m{n=~"1.*"}')
                assert wish.state == DeletionState.DONE
                done_at = [len(times) for times in acknowledged]
        finally:
            stop.set()
        for future in futures:
            future.result(timeout=60)
    run()
    compact(LATER_MS)
    merge()

    found = contents(labels)
    times_of = {n: {at for one, at, _ in found if one == n} for n in range(len(labels))}
    everything = {at for times in acknowledged for at in times}
    afterwards = {
        at for times, count in zip(acknowledged, done_at, strict=True) for at in times[count + 1 :]
    }
    assert all(times_of[n] == everything for n in (0, *range(2, 10)))
    assert all(afterwards <= times_of[n] for n in (1, *range(10, 20)))
    assert len(found) == len(set(found))
    assert stored_ids() <= set(Series.objects.values_list("id", flat=True))
