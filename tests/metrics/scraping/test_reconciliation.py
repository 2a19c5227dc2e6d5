from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from observability.metrics.scraping.discovery.refreshing import ask, claim_due_sources, note_answer
from observability.metrics.scraping.models import ScrapeJob, ScrapeSource, ScrapeTarget
from observability.metrics.scraping.reconciliation import delete_jobs, reconcile
from tests.metrics.store.writers import on_own_connection

from .targets import START, make_job

LATER = START + timedelta(minutes=5)


def wait_until_blocked() -> None:
    """Wait until another transaction waits for a lock of this one."""
    with connection.cursor() as cursor:
        is_blocked = False
        while not is_blocked:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                " AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
            )
            (is_blocked,) = cursor.fetchone()


@pytest.mark.django_db(transaction=True)
def test_an_answer_of_a_source_waits_for_who_saves_its_job() -> None:
    job = make_job("a:1")
    ScrapeSource.objects.update(next_refresh_at=START, config={"targets": ["b:1"]})
    [claim] = claim_due_sources(now=START, limit=1)
    answer = ask(claim)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            ScrapeJob.objects.update(interval_ms=20_000)
            noting = pool.submit(on_own_connection(lambda: note_answer(answer, now=START)))
            wait_until_blocked()
            sources = list(job.sources.select_for_update(nowait=True))
        noting.result(timeout=60)

    assert len(sources) == 1
    assert [target.url for target in ScrapeTarget.objects.present()] == ["http://b:1/metrics"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda job: reconcile(job.pk, now=LATER), id="reconciliation"),
        pytest.param(lambda job: delete_jobs(ScrapeJob.objects.all(), now=LATER), id="deletion"),
    ],
)
def test_targets_are_locked_in_the_order_in_which_scrapes_are_recorded(
    change: Callable[[ScrapeJob], object],
) -> None:
    # By their addresses they would come in another order.
    job = make_job("z:1", "a:1")
    first, second = ScrapeTarget.objects.order_by("pk")

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            free = ScrapeTarget.objects.order_by("pk").select_for_update(no_key=True, nowait=True)
            list(free.filter(pk=first.pk))
            changing = pool.submit(on_own_connection(lambda: change(job)))
            wait_until_blocked()
            locked = list(free.filter(pk=second.pk))
        changing.result(timeout=60)

    assert [target.url for target in locked] == ["http://a:1/metrics"]


@pytest.mark.django_db
def test_changed_targets_take_no_statement_each(
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    job = make_job(*(f"h{number}:1" for number in range(50)))
    ScrapeJob.objects.update(interval_ms=20_000)

    with django_assert_max_num_queries(12):  # type: ignore[attr-defined]  # a context manager
        reconcile(job.pk, now=LATER)

    assert set(ScrapeTarget.objects.values_list("interval_ms", flat=True)) == {20_000}
