"""The pages on which people delete series and watch how far it is."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from observability.access.roles import OPERATOR, VIEWER
from observability.metrics import deletion_page
from observability.metrics.models import Deletion, DeletionPhase, DeletionState
from observability.metrics.store import deletion
from tests.access.cast import signed_in
from tests.metrics.store.database import append, compact, make_series

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/metrics/delete-series/"
LIST = "/admin/metrics/deletion/"


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


@pytest.fixture
def now_ms() -> int:
    """Return the time of the newest of a hundred samples, a second apart, of each of three series."""
    now_ms = int(time.time() * 1000) // 1000 * 1000
    series = make_series(3)
    append((one, now_ms - ago * 1000, 1.0) for one in series for ago in range(100))
    compact(now_ms)
    return now_ms


def run() -> None:
    deletion.run_due(now_ms=int(time.time() * 1000), seconds=60)


def test_the_page_begins_with_a_question(operator: Client) -> None:
    answer = operator.get(PAGE)

    assert answer.context["found"] is None
    assert "Show what that is" in answer.content.decode()


@pytest.mark.usefixtures("now_ms")
def test_a_preview_shows_what_would_go(operator: Client) -> None:
    answer = operator.get(PAGE, {"selectors": 'm{i="00001"}\nm{i=~"0000[12]"}'})

    found, page = answer.context["found"], answer.content.decode()
    assert (found.series_count, found.metric_count, found.samples) == (2, 1, 200)
    assert found.stored_bytes > 0
    assert "m{i=&quot;00001&quot;}" in page
    assert not Deletion.objects.exists()


def test_a_preview_of_a_range_counts_the_samples_within(operator: Client, now_ms: int) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ms / 1000 - 49))

    answer = operator.get(PAGE, {"selectors": "m", "start": moment})

    assert 147 <= answer.context["found"].samples <= 153


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"selectors": ""}, "This field is required"),
        ({"selectors": "{}"}, "at least one non-empty matcher"),
        ({"selectors": "m", "start": "soon"}, "Enter a valid date/time"),
        (
            {"selectors": "m", "start": "2026-01-02T00:00", "end": "2026-01-01T00:00"},
            "not be before",
        ),
    ],
    ids=["nothing", "everything", "no time", "backwards"],
)
def test_a_wish_that_makes_no_sense_is_explained(
    values: dict[str, str], message: str, operator: Client
) -> None:
    answer = operator.get(PAGE, values)

    assert answer.context["found"] is None
    assert message in answer.content.decode()


def test_nothing_is_found(operator: Client) -> None:
    answer = operator.get(PAGE, {"selectors": "nothing"})

    assert "No series is selected by that" in answer.content.decode()


@pytest.mark.usefixtures("now_ms")
def test_a_confirmed_deletion_leads_to_its_progress_and_is_done(operator: Client) -> None:
    asked = operator.post(PAGE, {"selectors": 'm{i="00001"}'}, follow=True)
    run()
    done = operator.get(asked.redirect_chain[0][0])

    wish = Deletion.objects.get()
    assert (wish.requested_by, wish.state, wish.samples_removed) == ("operator", "done", 100)
    assert "At work" in asked.content.decode()
    assert "setTimeout" in asked.content.decode()
    assert "setTimeout" not in done.content.decode()


@pytest.mark.usefixtures("now_ms")
@pytest.mark.parametrize(("typed", "count"), [("", 0), ("2", 0), ("3", 1)])
def test_for_many_series_their_number_is_to_be_typed(
    typed: str, count: int, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion_page, "LARGE", 2)

    operator.post(PAGE, {"selectors": "m", "confirmation": typed})

    assert Deletion.objects.count() == count


def test_a_deletion_that_failed_can_go_on(operator: Client) -> None:
    make_series(1)
    wish = deletion.request(["m"], requested_by="somebody")
    Deletion.objects.update(state=DeletionState.FAILED, error="the disk is full")

    page = operator.get(f"{LIST}{wish.pk}/change/").content.decode()
    operator.post(f"{LIST}{wish.pk}/resume/")
    run()

    assert "the disk is full" in page
    assert "Go on" in page
    assert Deletion.objects.get().state == DeletionState.DONE


def test_the_list_costs_the_same_whatever_its_length(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        deletion.request([f"m{number}"], requested_by="somebody")

    with django_assert_max_num_queries(14):
        page = operator.get(LIST).content.decode()

    assert ">m7</code>" in page
    assert "whole series" in page


def test_the_list_can_be_narrowed_to_what_has_failed(operator: Client) -> None:
    for state in (DeletionState.DONE, DeletionState.FAILED, DeletionState.RUNNING):
        Deletion.objects.create(
            selectors=[str(state)],
            requested_by="x",
            last_series_id=0,
            state=state,
            phase=DeletionPhase.REWRITING,
        )

    shown = [
        [row.selectors[0] for row in operator.get(LIST, {"state": state}).context["cl"].result_list]
        for state in ("unfinished", "failed", "done")
    ]

    assert shown == [["running"], ["failed"], ["done"]]


def test_adding_a_deletion_leads_to_the_page_for_it(operator: Client) -> None:
    answer = operator.get(f"{LIST}add/")

    assert answer["Location"] == PAGE


def test_a_viewer_only_looks() -> None:
    viewer = signed_in(VIEWER)

    answers = [viewer.get(LIST).status_code, viewer.get(PAGE).status_code]

    assert answers == [200, 403]
