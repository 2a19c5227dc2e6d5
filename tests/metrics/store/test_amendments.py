"""What is written down about changes of the past."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from observability.metrics.errors import CatalogueMovedError
from observability.metrics.models import Amendment
from observability.metrics.store import amendments, catalogue, log
from observability.metrics.store.amendments import LATE_MS, Stretch
from tests.metrics.store.database import append, make_series
from tests.metrics.store.samples import log_samples

pytestmark = pytest.mark.django_db

MINUTE_MS = 60_000


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.mark.parametrize(
    ("ages_ms", "is_amendment"),
    [
        ([0], False),
        ([-MINUTE_MS, LATE_MS - MINUTE_MS], False),
        ([LATE_MS + MINUTE_MS], True),
        ([0, 1000 * LATE_MS], True),
    ],
    ids=["new", "young", "late", "partly late"],
)
def test_late_samples_amend_the_past_by_the_same_statement(
    ages_ms: list[int], is_amendment: bool
) -> None:
    (series_id,) = make_series(1)
    times = [now_ms() - age_ms for age_ms in ages_ms]
    catalogue.epoch()

    with CaptureQueriesContext(connection) as queries:
        append([(series_id, at, 1.0) for at in times])

    expected = [(min(times), max(times))] if is_amendment else []
    assert list(Amendment.objects.values_list("start_ms", "end_ms")) == expected
    assert len(queries) == 1


def test_what_is_not_stored_amends_nothing() -> None:
    (series_id,) = make_series(1)
    epoch = catalogue.epoch()
    catalogue.advance_epoch()

    with pytest.raises(CatalogueMovedError):
        log.append(log_samples([(series_id, 0, 1.0)]), epoch)

    assert not Amendment.objects.exists()


def test_amendments_of_the_same_minutes_become_one() -> None:
    for start_ms, end_ms, number in [
        (0, 7, 30),
        (5, 6, 10),
        (6 * MINUTE_MS, 9 * MINUTE_MS, 20),
        (20 * MINUTE_MS, 21 * MINUTE_MS, 5),
    ]:
        Amendment.objects.create(start_ms=start_ms, end_ms=end_ms, transaction_id=number)

    amendments.tidy()

    assert set(Amendment.objects.values_list("start_ms", "end_ms", "transaction_id")) == {
        (0, 9 * MINUTE_MS, 30),
        (20 * MINUTE_MS, 21 * MINUTE_MS, 5),
    }


def test_amendments_are_forgotten_when_no_answer_is_older() -> None:
    append([(make_series(1)[0], 0, 1.0)])
    Amendment.objects.update(made_at="2020-01-01T00:00:00Z")

    amendments.tidy()

    assert not Amendment.objects.exists()


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "as_of", "holds"),
    [
        (10, 20, 8, True),
        (10, 20, 7, False),
        (10, 20, 6, False),
        (10, 14, 7, True),
        (10, 15, 7, False),
        (18, 20, 7, False),
        (19, 20, 7, True),
    ],
)
def test_a_stretch_holds_that_no_later_amendment_meets(
    start_ms: int, end_ms: int, as_of: int, holds: bool
) -> None:
    Amendment.objects.create(start_ms=15, end_ms=18, transaction_id=7)

    moment = amendments.moment([Stretch(start_ms=start_ms, end_ms=end_ms, as_of=as_of)])

    assert moment.holds == [holds]
