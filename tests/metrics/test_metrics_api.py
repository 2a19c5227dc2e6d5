"""`/api/metrics` as REST clients use it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client

from observability.access.keys import create_key
from observability.access.scopes import Scope

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> dict[str, str]:
    """Return the headers of a client that may record and read."""
    _, token = create_key(name="writer", scopes=[Scope.METRICS_WRITE, Scope.METRICS_READ])
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def post(client: Client, body: Any, headers: dict[str, str]) -> Any:
    """Post a body as JSON; text and bytes go as they stand."""
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/api/metrics", data, content_type="application/json", headers=headers)


def read(client: Client, headers: dict[str, str], **parameters: Any) -> Any:
    """Return the decoded answer of `GET /api/metrics`."""
    return client.get("/api/metrics", parameters, headers=headers).json()


def test_a_recorded_sample_is_read_back(client: Client, writer: dict[str, str]) -> None:
    at = time.time() - 60
    sample = {
        "name": "cpu_usage",
        "value": 91.5,
        "labels": {"host": "a"},
        "timestamp": at,
        "type": "gauge",
    }

    response = post(client, sample, writer)

    assert (response.status_code, response.json()) == (202, {"accepted": 1})
    assert read(client, writer, name="cpu_usage") == {
        "results": [
            {
                "name": "cpu_usage",
                "labels": {"host": "a"},
                "type": "gauge",
                "samples": [[round(at * 1000) / 1000, 91.5]],
            }
        ],
        "next": None,
    }


def test_a_list_is_stored_as_a_whole(client: Client, writer: dict[str, str]) -> None:
    samples = [{"name": "jobs", "value": n, "labels": {"queue": str(n)}} for n in range(5)]

    response = post(client, samples, writer)

    assert response.json() == {"accepted": 5}
    assert len(read(client, writer, name="jobs")["results"]) == 5


@pytest.mark.parametrize(
    ("written", "read_back"),
    [("NaN", "NaN"), ("+Inf", "+Inf"), ("Inf", "+Inf"), ("-Inf", "-Inf"), (7, 7.0), (1e300, 1e300)],
    ids=["nan", "plus-inf", "inf", "minus-inf", "integer", "large"],
)
def test_values_that_json_lacks_go_as_text(
    client: Client, writer: dict[str, str], written: Any, read_back: Any
) -> None:
    post(client, {"name": "odd", "value": written}, writer)

    [series] = read(client, writer, name="odd")["results"]

    assert series["samples"][0][1] == read_back


@pytest.mark.parametrize(
    "timestamp", ["2026-01-31T08:00:00Z", "2026-01-31T09:00:00+01:00", 1769846400]
)
def test_a_time_may_be_iso_8601_or_unix_seconds(
    client: Client, writer: dict[str, str], timestamp: Any, time_machine: Any
) -> None:
    time_machine.move_to("2026-01-31T08:05:00Z", tick=False)

    post(client, {"name": "timed", "value": 1, "timestamp": timestamp}, writer)

    [series] = read(client, writer, name="timed")["results"]
    assert series["samples"] == [[1769846400.0, 1.0]]


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"name": "9lives"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a-b"}, "name"),
        ({"name": 5}, "name"),
        ({"value": "high"}, "value"),
        ({"value": True}, "value"),
        ({"value": None}, "value"),
        ({"labels": {"a-b": "x"}}, "labels.a-b"),
        ({"labels": {"__name__": "x"}}, "labels.__name__"),
        ({"labels": {"a": "x" * 5000}}, "labels.a"),
        ({"labels": {f"l{n}": "x" for n in range(60)}}, "labels"),
        ({"labels": {"a": "nul\x00"}}, "labels.a"),
        ({"labels": []}, "labels"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2126-01-01"}, "timestamp"),
        ({"timestamp": 1769846400000}, "timestamp"),
        ({"timestamp": "2001-01-01"}, "timestamp"),
        ({"type": "meter"}, "type"),
        ({"colour": "red"}, "colour"),
    ],
    ids=lambda case: json.dumps(case)[:40] if isinstance(case, dict) else case,
)
def test_one_bad_sample_refuses_the_whole_body_and_is_named(
    client: Client, writer: dict[str, str], fault: dict[str, Any], field: str
) -> None:
    good = {"name": "good", "value": 1}

    response = post(client, [good, {**good, **fault}], writer)

    assert response.status_code == 422
    [detail] = response.json()["error"]["details"]
    assert (detail["index"], detail["field"]) == (1, field)
    assert detail["message"]
    assert read(client, writer, name="good")["results"] == []


def test_every_bad_sample_of_a_body_is_named(client: Client, writer: dict[str, str]) -> None:
    body = [
        {"name": "good", "value": 1},
        {"name": "no-good", "value": 1},
        {"name": "good", "value": "x"},
    ]

    details = post(client, body, writer).json()["error"]["details"]

    assert [(detail["index"], detail["field"]) for detail in details] == [(1, "name"), (2, "value")]


@pytest.mark.parametrize(
    "body",
    ["", "{", "[{]", b"\xff\xfe", '{"name": "a", "value": 1', "[" * 100_000],
    ids=["empty", "open", "broken", "not-utf8", "cut", "deep"],
)
def test_malformed_json_is_a_bad_request(
    client: Client, writer: dict[str, str], body: str | bytes
) -> None:
    response = post(client, body, writer)

    assert response.status_code == 400
    assert "JSON" in response.json()["error"]["message"]


def test_a_huge_body_is_refused_before_it_is_read(client: Client, writer: dict[str, str]) -> None:
    response = post(client, b" " * (17 * 1024 * 1024), writer)

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_a_read_key_cannot_write(client: Client) -> None:
    _, token = create_key(name="reader", scopes=[Scope.METRICS_READ])

    response = post(client, {"name": "a", "value": 1}, {"Authorization": f"Bearer {token}"})

    assert response.status_code == 403
    assert "metrics:write" in response.json()["error"]["message"]


def test_labels_of_the_key_are_added_and_win(client: Client) -> None:
    scopes = [Scope.METRICS_WRITE, Scope.METRICS_READ]
    _, token = create_key(name="tracker", scopes=scopes, labels={"system": "earntrack"})
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    post(client, {"name": "a", "value": 1, "labels": {"system": "other", "x": "y"}}, headers)

    [series] = read(client, headers, name="a")["results"]
    assert series["labels"] == {"system": "earntrack", "x": "y"}


def test_series_come_in_pages(client: Client, writer: dict[str, str]) -> None:
    post(client, [{"name": "m", "value": n, "labels": {"n": str(n)}} for n in range(5)], writer)

    seen: list[str] = []
    url: str | None = "/api/metrics?name=m&page_size=2"
    while url:
        page = client.get(url, headers=writer).json()
        seen += [series["labels"]["n"] for series in page["results"]]
        url = page["next"]

    assert sorted(seen) == ["0", "1", "2", "3", "4"]


def test_label_parameters_narrow_the_series(client: Client, writer: dict[str, str]) -> None:
    post(client, [{"name": "m", "value": n, "labels": {"n": str(n)}} for n in range(3)], writer)

    answer = client.get("/api/metrics?name=m&label.n=1", headers=writer).json()

    assert [series["labels"] for series in answer["results"]] == [{"n": "1"}]


def test_the_time_range_is_inclusive(client: Client, writer: dict[str, str]) -> None:
    now = int(time.time())
    post(client, [{"name": "m", "value": n, "timestamp": now - n} for n in range(10)], writer)

    [series] = read(client, writer, name="m", start=now - 6, end=now - 3)["results"]

    assert [value for _, value in series["samples"]] == [6, 5, 4, 3]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"name": "m", "start": "soon"},
        {"name": "m", "start": 20, "end": 10},
        {"name": "m", "page_size": 0},
        {"name": "m", "page_size": 1001},
        {"name": "m", "cursor": "x"},
        {"name": "m", "cursor": "9" * 5000},
    ],
    ids=[
        "no-name",
        "bad-start",
        "reversed",
        "page-size-0",
        "page-size-1001",
        "bad-cursor",
        "long-cursor",
    ],
)
def test_wrong_parameters_are_named(
    client: Client, writer: dict[str, str], parameters: dict[str, Any]
) -> None:
    response = client.get("/api/metrics", parameters, headers=writer)

    assert response.status_code == 422
    assert response.json()["error"]["details"]


def test_other_methods_are_refused(client: Client, writer: dict[str, str]) -> None:
    response = client.delete("/api/metrics", headers=writer)

    assert response.status_code == 405


def test_the_path_works_with_a_slash_too(client: Client, writer: dict[str, str]) -> None:
    response = client.post(
        "/api/metrics/", {"name": "a", "value": 1}, content_type="application/json", headers=writer
    )

    assert response.status_code == 202


@pytest.mark.parametrize(
    "parameters",
    [
        {"name": "nosuch"},
        {"name": "m", "label.n": "nosuch"},
        {"name": "a\x00"},
        {"name": "m", "label.n": "\x00"},
    ],
    ids=["metric", "label", "nul-in-name", "nul-in-label"],
)
def test_what_no_series_has_is_an_empty_answer(
    client: Client, writer: dict[str, str], parameters: dict[str, str]
) -> None:
    post(client, {"name": "m", "value": 1, "labels": {"n": "1"}}, writer)

    response = client.get("/api/metrics", parameters, headers=writer)

    assert response.json() == {"results": [], "next": None}


@pytest.mark.parametrize("accept", ["text/html", "text/plain", "image/png"])
def test_a_sample_is_taken_whatever_form_of_answer_is_asked_for(
    client: Client, writer: dict[str, str], accept: str
) -> None:
    response = post(client, {"name": "m", "value": 1}, {**writer, "Accept": accept})

    assert (response.status_code, response.json()) == (202, {"accepted": 1})
