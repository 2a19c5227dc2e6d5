"""Series get one id each, whoever makes them and in whatever order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.db import OperationalError, connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.models import LabelPair, Metric, Series
from observability.metrics.samples import Metadata, MetricType
from observability.metrics.store import catalogue
from observability.promql.labels import label_set


def test_ids_are_the_same_after_the_process_has_forgotten_them(db: None) -> None:
    labels = [label_set({"__name__": "up", "job": job}) for job in "abc"]
    first = catalogue.series_ids(labels)
    catalogue.forget()

    again = catalogue.series_ids(list(reversed(labels)))

    assert again.tolist() == list(reversed(first.tolist()))


def test_a_rolled_back_series_is_not_remembered(transactional_db: None) -> None:
    labels = [label_set({"__name__": "up", "job": "a"})]
    with transaction.atomic():
        catalogue.series_ids(labels)
        transaction.set_rollback(True)

    (series_id,) = catalogue.series_ids(labels)

    assert Series.objects.filter(pk=series_id).exists()


def test_processes_that_make_the_same_series_at_once_agree(transactional_db: None) -> None:
    labels = [label_set({"__name__": f"m{n % 7}", "n": str(n)}) for n in range(300)]
    barrier = Barrier(4)

    def make(offset: int) -> dict[object, int]:
        catalogue.forget()
        mine = labels[offset:] + labels[:offset]
        barrier.wait()
        try:
            return dict(zip(mine, catalogue.series_ids(mine).tolist(), strict=True))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(make, [0, 50, 150, 299]))

    assert all(answer == answers[0] for answer in answers)
    assert Series.objects.count() == len(labels)


@given(
    st.dictionaries(st.text(min_size=1), st.text(min_size=1)),
    st.dictionaries(st.text(min_size=1), st.text(min_size=1)),
)
def test_different_label_sets_have_different_fingerprints(
    one: dict[str, str], other: dict[str, str]
) -> None:
    same = catalogue.fingerprint(label_set(one)) == catalogue.fingerprint(label_set(other))

    assert same == (one == other)


def test_a_write_may_bring_any_number_of_new_series(db: None) -> None:
    labels = [label_set({"__name__": "m", "n": str(n), "twice": str(2 * n)}) for n in range(12_000)]

    ids = catalogue.series_ids(labels)

    assert len(set(ids.tolist())) == 12_000


def test_series_that_share_label_pairs_use_up_no_ids(db: None) -> None:
    shared = {f"label{n}": "x" for n in range(20)}
    catalogue.series_ids([label_set({"__name__": "m", "n": "first", **shared})])
    before = max(LabelPair.objects.values_list("pk", flat=True))

    for n in range(20):
        catalogue.series_ids([label_set({"__name__": "m", "n": str(n), **shared})])

    assert max(LabelPair.objects.values_list("pk", flat=True)) == before + 20


def test_a_failing_statement_raises_what_the_rest_of_the_portal_expects(
    transactional_db: None,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 1")

    try:
        with pytest.raises(OperationalError):
            catalogue.series_ids([label_set({"__name__": "m", "n": str(n)}) for n in range(20_000)])
    finally:
        connection.close()


def test_ids_are_found_while_another_thread_forgets_them(db: None) -> None:
    labels = [label_set({"__name__": "m", "n": str(n)}) for n in range(50)]
    ids = catalogue.series_ids(labels).tolist()
    is_over = Event()

    def forget_again_and_again() -> None:
        while not is_over.is_set():
            catalogue.forget()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(forget_again_and_again)
        try:
            answers = [catalogue.series_ids(labels).tolist() for _ in range(100)]
        finally:
            is_over.set()

    assert all(answer == ids for answer in answers)


@pytest.mark.django_db(transaction=True)
def test_more_series_than_one_step_makes_are_all_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_SERIES_PER_STEP", 3)
    labels = [label_set({"__name__": "m", "n": str(n)}) for n in range(10)]

    found = catalogue.find_or_make(labels)

    assert len(set(found.ids.values())) == Series.objects.count() == 10
    assert Metric.objects.get().series_count == 10


def test_who_says_what_is_known_of_a_metric_waits_for_nobody(transactional_db: None) -> None:
    said = {"up": Metadata(type=MetricType.GAUGE, help="Whether it answers.")}
    catalogue.series_ids([label_set({"__name__": "up"})])
    catalogue.record_metadata(said)
    catalogue.forget()
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            # Makes a series of the metric, and has not ended.
            cursor.execute("SELECT FROM metrics_metric WHERE name = 'up' FOR NO KEY UPDATE")

        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
            catalogue.record_metadata(said)
    finally:
        other.rollback()
        other.close()

    assert Metric.objects.get().help == "Whether it answers."
