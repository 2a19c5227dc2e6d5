"""Deleting series over HTTP: the portal's own API, and Prometheus's."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.models import Deletion
from observability.metrics.prometheus_api import delete_series
from observability.metrics.samples import batch_at
from observability.metrics.store import deletion
from observability.promql import InstantVector
from observability.promql.labels import label_set
from tests.access.cast import bearer, make_key
from tests.metrics.store.writers import on_own_connection

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/metrics/deletions"
PROMETHEUS_URL = "/api/v1/admin/tsdb/delete_series"


@pytest.fixture
def headers() -> dict[str, str]:
    return bearer(make_key(Scope.ADMIN))


@pytest.fixture
def now_ms() -> int:
    """Return the time of the newest of ten samples, a second apart, of `up` for three jobs."""
    now_ms = int(time.time() * 1000)
    for ago in range(10):
        samples = [(label_set({"__name__": "up", "job": job}), 1.0) for job in "abc"]
        get_backend().append(batch_at(now_ms - ago * 1000, samples))
    return now_ms


def post(body: dict[str, Any], headers: dict[str, str]) -> Any:
    return Client().post(URL, body, content_type="application/json", headers=headers)


def run() -> None:
    deletion.run_due(now_ms=int(time.time() * 1000), seconds=60)


def jobs() -> list[str]:
    return sorted(dict(labels)["job"] for labels in get_backend().series())


def sample_count(job: str, now_ms: int) -> int:
    result = get_backend().query(f'count_over_time(up{{job="{job}"}}[1m])', at_ms=now_ms)
    assert isinstance(result.value, InstantVector)
    return sum(int(value) for _, value in result.value.samples())


@pytest.mark.usefixtures("now_ms")
def test_series_are_deleted_and_the_answer_says_where_to_look(headers: dict[str, str]) -> None:
    answer = post({"matchers": ['up{job="a"}', 'up{job="b"}']}, headers)
    asked = answer.json()
    run()
    done = Client().get(answer["Location"], headers=headers).json()

    assert (answer.status_code, asked["state"], asked["requested_by"]) == (
        202,
        "requested",
        "key test",
    )
    assert (done["state"], done["series_count"], done["start"], done["end"]) == (
        "done",
        2,
        None,
        None,
    )
    assert done["matchers"] == ['up{job="a"}', 'up{job="b"}']
    assert done["finished_at"] >= done["started_at"] >= done["requested_at"]
    assert jobs() == ["c"]


def test_a_range_of_time_is_deleted(headers: dict[str, str], now_ms: int) -> None:
    answer = post(
        {"matchers": ['up{job="a"}'], "start": (now_ms - 3000) / 1000, "end": str(now_ms / 1000)},
        headers,
    )
    run()

    assert answer.status_code == 202
    assert Deletion.objects.get().samples_removed == 4
    assert [sample_count(job, now_ms) for job in "ab"] == [6, 10]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "matchers"),
        ({"matchers": []}, "matchers"),
        ({"matchers": ["{}"]}, "matchers"),
        ({"matchers": ["rate(up[5m])"]}, "matchers"),
        ({"matchers": ["up"], "start": "yesterday"}, "start"),
        ({"matchers": ["up"], "start": 20, "end": 10}, "end"),
        ({"matchers": ["up"], "from": 10, "end": 20}, "from"),
    ],
    ids=["nothing", "no selector", "everything", "expression", "no time", "backwards", "unknown"],
)
def test_a_wish_that_makes_no_sense_is_refused(
    body: dict[str, Any], field: str, headers: dict[str, str]
) -> None:
    answer = post(body, headers)

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"].startswith(field)
    assert not Deletion.objects.exists()


def test_deletions_are_listed_newest_first(headers: dict[str, str]) -> None:
    for name in "abc":
        post({"matchers": [name]}, headers)

    first = Client().get(URL, {"page_size": 2}, headers=headers).json()
    second = Client().get(first["next"], headers=headers).json()

    assert [row["matchers"] for page in (first, second) for row in page["results"]] == [
        ["c"],
        ["b"],
        ["a"],
    ]


@pytest.mark.parametrize("pk", ["7", "99999999999999999999"])
def test_there_is_no_such_deletion(pk: str, headers: dict[str, str]) -> None:
    answer = Client().get(f"{URL}/{pk}", headers=headers)

    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["post", "put"])
@pytest.mark.usefixtures("now_ms")
def test_prometheus_clients_delete_series_which_are_gone_with_the_answer(
    method: str, headers: dict[str, str]
) -> None:
    send = getattr(Client(), method)

    answer = send(f'{PROMETHEUS_URL}?match[]=up{{job="a"}}&match[]=up{{job="c"}}', headers=headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert jobs() == ["b"]


@pytest.mark.usefixtures("now_ms")
def test_prometheus_clients_may_post_a_form(headers: dict[str, str]) -> None:
    answer = Client().post(PROMETHEUS_URL, {"match[]": "up"}, headers=headers)

    assert answer.status_code == 204
    assert jobs() == []


def test_prometheus_clients_wait_for_workers_to_cut_a_range_out(
    headers: dict[str, str], now_ms: int
) -> None:
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            run()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(on_own_connection(work))
        try:
            answer = Client().post(
                PROMETHEUS_URL, {"match[]": "up", "start": (now_ms - 3000) / 1000}, headers=headers
            )
        finally:
            stop.set()
        working.result(timeout=60)

    assert answer.status_code == 204
    assert [sample_count(job, now_ms) for job in "abc"] == [6, 6, 6]


def test_a_client_that_was_told_to_ask_again_waits_for_the_same_deletion(
    headers: dict[str, str], now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delete_series, "_SECONDS_TO_WAIT", 0.0)
    body = {"match[]": "up", "start": now_ms / 1000}

    answers = [Client().post(PROMETHEUS_URL, body, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].json()["errorType"] == "unavailable"
    assert answers[0]["Retry-After"] == "5"
    assert Deletion.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "no match[] parameter provided"),
        ({"match[]": "{}"}, 'invalid parameter "match[]"'),
        ({"match[]": "up", "start": "soon"}, 'invalid parameter "start"'),
        ({"match[]": "up", "start": "2", "end": "1"}, 'invalid parameter "end"'),
    ],
    ids=["nothing", "everything", "no time", "backwards"],
)
def test_prometheus_clients_are_told_what_is_wrong(
    body: dict[str, str], message: str, headers: dict[str, str]
) -> None:
    answer = Client().post(PROMETHEUS_URL, body, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["errorType"] == "bad_data"
    assert message in answer.json()["error"]
    assert not Deletion.objects.exists()


@pytest.mark.usefixtures("now_ms")
def test_series_vanish_although_a_write_is_still_running(headers: dict[str, str]) -> None:
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE metrics_samplelog IN ROW EXCLUSIVE MODE")

        answer = Client().post(PROMETHEUS_URL, {"match[]": "up"}, headers=headers)
    finally:
        other.close()

    assert answer.status_code == 204
    assert jobs() == []
    assert Deletion.objects.get().state == "running"
