"""Deltas become totals: across requests, processes, repetitions and restarts."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics import tasks
from observability.metrics.ingest.otlp.models import RunningTotal
from observability.metrics.ingest.otlp.running_totals import EXPIRY_MS, Deltas, accumulate
from observability.metrics.models import SampleLog, Series
from observability.metrics.store import catalogue
from tests.metrics.ingest.stored_samples import stored_samples

from .conftest import Send
from .messages import DELTA, buckets, counter, histogram, point

SECOND_MS = 1000


def deltas(*rows: tuple[int, int, int, float], is_counter: bool = True) -> Deltas:
    """Deltas from rows of series, start, end and change."""
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Deltas(
        series_ids=columns[0].astype(np.int64),
        starts_ms=columns[1].astype(np.int64),
        ends_ms=columns[2].astype(np.int64),
        changes=columns[3].astype(np.float64),
        is_counter=np.full(len(rows), is_counter),
    )


def test_deltas_of_a_counter_add_up_from_zero_at_their_first_start(send: Send, now_ms: int) -> None:
    for n, grown in enumerate([5, 0, 2]):
        end_ms = now_ms + n * SECOND_MS
        measured = point(grown, end_ms, start_ms=end_ms - SECOND_MS)
        assert send(counter("sales", measured, temporality=DELTA), resource={}) is None

    assert stored_samples() == {
        "sales_total{}": [
            (now_ms - SECOND_MS, 0.0),
            (now_ms, 5.0),
            (now_ms + SECOND_MS, 5.0),
            (now_ms + 2 * SECOND_MS, 7.0),
        ]
    }


def test_deltas_of_a_histogram_add_up_bucket_by_bucket(send: Send, now_ms: int) -> None:
    for n, counts in enumerate([[1, 2], [3, 0]]):
        measured = buckets(counts, [0.5], now_ms + n, total=1.5)
        send(histogram("rtt", measured, temporality=DELTA), resource={})

    assert {name: [v for _, v in samples] for name, samples in stored_samples().items()} == {
        "rtt_count{}": [3.0, 6.0],
        'rtt_bucket{le="0.5"}': [1.0, 4.0],
        'rtt_bucket{le="+Inf"}': [3.0, 6.0],
        "rtt_sum{}": [1.5, 3.0],
    }


def test_deltas_of_a_sum_that_may_fall_add_up_to_a_gauge(send: Send, now_ms: int) -> None:
    for n, change in enumerate([5, -7]):
        measured = point(change, now_ms + n, start_ms=now_ms - SECOND_MS)
        send(counter("queue", measured, temporality=DELTA, is_monotonic=False), resource={})

    assert stored_samples() == {"queue{}": [(now_ms, 5.0), (now_ms + 1, -2.0)]}


def test_points_of_one_request_are_added_in_the_order_of_their_times(
    send: Send, now_ms: int
) -> None:
    points = [point(n, now_ms + n) for n in (3, 1, 2)]

    assert send(counter("sales", *points, temporality=DELTA), resource={}) is None

    assert stored_samples()["sales_total{}"] == [
        (now_ms + 1, 1.0),
        (now_ms + 2, 3.0),
        (now_ms + 3, 6.0),
    ]


def test_processes_that_cannot_be_told_apart_are_added_up(send: Send, now_ms: int) -> None:
    points = [point(2, now_ms), point(3, now_ms)]

    assert send(counter("sales", *points, temporality=DELTA), resource={}) is None

    assert stored_samples() == {"sales_total{}": [(now_ms, 5.0)]}


def test_a_request_that_is_sent_again_counts_once(send: Send, now_ms: int) -> None:
    sold = counter("sales", point(5, now_ms), temporality=DELTA)

    assert send(sold, resource={}) is None
    assert send(sold, resource={}) is None
    send(counter("sales", point(1, now_ms + 1), temporality=DELTA), resource={})

    assert stored_samples() == {"sales_total{}": [(now_ms, 5.0), (now_ms + 1, 6.0)]}


def test_a_delta_that_comes_too_late_is_told(send: Send, now_ms: int) -> None:
    send(counter("sales", point(5, now_ms), temporality=DELTA), resource={})

    told = send(counter("sales", point(1, now_ms - 1), temporality=DELTA), resource={})

    assert told.rejected_data_points == 1
    assert told.error_message == (
        "1 of sales: a delta must end after the one before it; this comes too late"
    )
    assert stored_samples() == {"sales_total{}": [(now_ms, 5.0)]}


def test_a_delta_that_is_refused_is_not_added(send: Send, now_ms: int) -> None:
    too_new = point(5, now_ms + 3_600_000)

    assert send(counter("sales", too_new, temporality=DELTA), resource={}) is not None
    send(counter("sales", point(1, now_ms), temporality=DELTA), resource={})

    assert stored_samples() == {"sales_total{}": [(now_ms, 1.0)]}


@pytest.mark.django_db(transaction=True)
def test_a_total_outlives_the_process(send: Send, now_ms: int) -> None:
    send(counter("sales", point(5, now_ms), temporality=DELTA), resource={})

    catalogue.forget()
    connection.close()
    send(counter("sales", point(1, now_ms + 1), temporality=DELTA), resource={})

    assert stored_samples() == {"sales_total{}": [(now_ms, 5.0), (now_ms + 1, 6.0)]}


@pytest.mark.django_db(transaction=True)
def test_a_write_whose_ids_were_withdrawn_adds_once(send: Send, now_ms: int) -> None:
    send(counter("sales", point(5, now_ms), temporality=DELTA), resource={})
    with transaction.atomic():
        # The process learns that the ids which it remembers are withdrawn, and begins the write anew.
        catalogue.advance_epoch()

    send(counter("sales", point(1, now_ms + 1), temporality=DELTA), resource={})

    assert stored_samples() == {"sales_total{}": [(now_ms, 5.0), (now_ms + 1, 6.0)]}


@pytest.mark.django_db(transaction=True)
def test_a_series_that_was_deleted_begins_anew(send: Send, now_ms: int) -> None:
    send(counter("sales", point(5, now_ms), temporality=DELTA), resource={})
    with transaction.atomic():
        SampleLog.objects.all().delete()
        Series.objects.all().delete()
        catalogue.advance_epoch()

    send(counter("sales", point(1, now_ms + 1), temporality=DELTA), resource={})

    assert stored_samples() == {"sales_total{}": [(now_ms + 1, 1.0)]}


@pytest.mark.django_db(transaction=True)
def test_deltas_of_many_processes_at_once_are_all_counted() -> None:
    rounds, writers, series = 20, 4, 30
    faults: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for n in range(rounds):
                # Each writer's time is ahead of all that were before, as no two are the same.
                with transaction.atomic():
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT pg_advisory_xact_lock(1), nextval('ticks')")
                        end_ms = cursor.fetchone()[1]
                    rows = [(s, 0, end_ms, 1.0) for s in range((writer * n) % 7, series)]
                    assert not accumulate(deltas(*rows)).is_late.any()
        except BaseException as fault:  # noqa: BLE001 (told by the test)
            faults.append(fault)
        finally:
            connection.close()

    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE ticks")
    try:
        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SEQUENCE ticks")

    assert faults == []
    expected = Counter(
        s
        for writer in range(writers)
        for n in range(rounds)
        for s in range((writer * n) % 7, series)
    )
    assert dict(RunningTotal.objects.values_list("series_id", "total")) == expected


@pytest.mark.django_db
def test_totals_without_news_expire(now_ms: int) -> None:
    accumulate(deltas((1, 0, now_ms - EXPIRY_MS - 60_000, 1), (2, 0, now_ms, 1)))

    tasks.delete_expired_samples()

    assert list(RunningTotal.objects.values_list("series_id", flat=True)) == [2]


@pytest.mark.django_db
def test_a_zero_is_not_put_far_back_in_time() -> None:
    accumulated = accumulate(deltas((1, 1, 10**12, 5), (2, 0, 10**12, 5)))

    assert accumulated.samples.values.tolist() == [5.0, 5.0]


@pytest.mark.django_db
@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.just(0), st.integers(1, 6), st.integers(-5, 5)),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 12),
)
def test_totals_are_the_sums_of_what_was_not_late(
    rows: list[tuple[int, int, int, float]], split: int
) -> None:
    RunningTotal.objects.all().delete()
    expected: dict[int, float] = {}
    ends: dict[int, int] = {}

    for batch in (rows[:split], rows[split:]):
        if not batch:
            continue
        accumulated = accumulate(deltas(*batch, is_counter=False))
        before = dict(ends)
        for (series_id, _, end_ms, change), is_late in zip(
            batch, accumulated.is_late.tolist(), strict=True
        ):
            last = before.get(series_id, 0)
            assert is_late == (end_ms < last)
            if end_ms > last:
                expected[series_id] = expected.get(series_id, 0) + change
                ends[series_id] = max(ends.get(series_id, 0), end_ms)

    kept = RunningTotal.objects.values_list("series_id", "total", "end_ms")
    assert {series_id: (total, end) for series_id, total, end in kept} == {
        series_id: (expected[series_id], ends[series_id]) for series_id in expected
    }
