"""`/api/v1/query` and `/api/v1/query_range` as Prometheus's clients use them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from observability.promql.labels import label_set

pytestmark = pytest.mark.django_db

AT = 1_760_000_000


def basic(user: str, password: str) -> str:
    """Return the header of Basic credentials."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(autouse=True)
def _data(db: None) -> None:
    for offset in (0, 15, 30):
        samples = [
            (label_set({"__name__": "cpu_usage", "host": "a"}), 90.0 + offset),
            (label_set({"__name__": "cpu_usage", "host": "b"}), 10.0),
            (label_set({"__name__": "odd"}), float("inf")),
        ]
        get_backend().append(batch_at((AT + offset) * 1000, samples))


def test_an_instant_query_gives_a_vector_in_prometheus_json(
    client: Client, reader: dict[str, str]
) -> None:
    response = client.get("/api/v1/query", {"query": "cpu_usage", "time": str(AT)}, headers=reader)

    assert response["Content-Type"] == "application/json"
    assert response.content.decode() == (
        '{"status":"success","data":{"resultType":"vector","result":['
        f'{{"metric":{{"__name__":"cpu_usage","host":"a"}},"value":[{AT},"90"]}},'
        f'{{"metric":{{"__name__":"cpu_usage","host":"b"}},"value":[{AT},"10"]}}'
        "]}}"
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('cpu_usage{host="a"}', {"a": "120"}),
        ('cpu_usage{host!="a"}', {"b": "10"}),
        ('cpu_usage{host=~"a|c"}', {"a": "120"}),
        ('cpu_usage{host!~"a|c"}', {"b": "10"}),
        ("cpu_usage > 50", {"a": "120"}),
        ("cpu_usage * 2 + 1", {"a": "241", "b": "21"}),
        ("sum by (host) (cpu_usage)", {"a": "120", "b": "10"}),
        ("avg(cpu_usage)", {"": "65"}),
        ("min(cpu_usage)", {"": "10"}),
        ("max(cpu_usage)", {"": "120"}),
        ("count(cpu_usage)", {"": "2"}),
        ("odd", {"": "+Inf"}),
        ("-odd", {"": "-Inf"}),
        ("odd - odd", {"": "NaN"}),
    ],
)
def test_selectors_operators_and_aggregations(
    client: Client, reader: dict[str, str], query: str, expected: dict[str, str]
) -> None:
    answer = client.get(
        "/api/v1/query", {"query": query, "time": str(AT + 30)}, headers=reader
    ).json()

    got = {item["metric"].get("host", ""): item["value"][1] for item in answer["data"]["result"]}
    assert got == expected


def test_a_scalar_and_a_time_with_milliseconds(client: Client, reader: dict[str, str]) -> None:
    answer = client.get("/api/v1/query", {"query": "1+1", "time": "4.5"}, headers=reader)

    assert answer.content == (
        b'{"status":"success","data":{"resultType":"scalar","result":[4.500,"2"]}}'
    )


def test_a_posted_form_and_basic_credentials_do_as_well(client: Client) -> None:
    _, token = create_key(name="reader", scopes=[Scope.METRICS_READ])
    headers = {"Authorization": basic("anybody", token)}

    response = client.post(
        "/api/v1/query", {"query": "cpu_usage", "time": str(AT)}, headers=headers
    )

    assert len(response.json()["data"]["result"]) == 2


def test_a_range_query_gives_a_matrix(client: Client, reader: dict[str, str]) -> None:
    parameters = {
        "query": 'cpu_usage{host="a"}',
        "start": str(AT),
        "end": str(AT + 30),
        "step": "15s",
    }

    answer = client.get("/api/v1/query_range", parameters, headers=reader).json()

    assert answer["data"] == {
        "resultType": "matrix",
        "result": [
            {
                "metric": {"__name__": "cpu_usage", "host": "a"},
                "values": [[AT, "90"], [AT + 15, "105"], [AT + 30, "120"]],
            }
        ],
    }


@pytest.mark.parametrize(
    ("path", "parameters", "status", "kind", "message"),
    [
        ("query", {"query": "sum("}, 400, "bad_data", 'invalid parameter "query": '),
        ("query", {}, 400, "bad_data", 'invalid parameter "query": '),
        ("query", {"query": "1", "time": "soon"}, 400, "bad_data", 'invalid parameter "time": cannot parse "soon" to a valid timestamp'),
        ("query", {"query": "1", "timeout": "x"}, 400, "bad_data", 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
        ("query_range", {"query": "1"}, 400, "bad_data", 'invalid parameter "start": cannot parse "" to a valid timestamp'),
        ("query_range", {"query": "1", "start": 10, "end": 5, "step": 1}, 400, "bad_data", 'invalid parameter "end": end timestamp must not be before start time'),
        ("query_range", {"query": "1", "start": 1, "end": 5, "step": 0}, 400, "bad_data", 'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer'),
        ("query_range", {"query": "1", "start": 0, "end": 20_000, "step": 1}, 400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries."),
        ("query", {"query": 'x{a=~"("}'}, 400, "bad_data", ""),
    ],
    ids=["parse", "no-query", "time", "timeout", "no-start", "reversed", "step-0", "resolution", "regex"],
)  # fmt: skip
def test_errors_are_prometheus_own(
    client: Client,
    reader: dict[str, str],
    path: str,
    parameters: dict[str, Any],
    status: int,
    kind: str,
    message: str,
) -> None:
    response = client.get(f"/api/v1/{path}", parameters, headers=reader)

    answer = response.json()
    assert (response.status_code, answer["status"], answer["errorType"]) == (status, "error", kind)
    assert answer["error"].startswith(message)


def test_without_a_key_the_error_is_prometheus_own_too(client: Client) -> None:
    response = client.get("/api/v1/query", {"query": "1"})

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["status"] == "error"


@pytest.mark.parametrize(
    "query",
    ['cpu_usage{host="\\x00"}', '{__name__="\\x00"}', 'cpu_usage{"\\x00"="b"}'],
    ids=["value", "name", "label"],
)
def test_what_no_series_can_have_matches_nothing(
    client: Client, reader: dict[str, str], query: str
) -> None:
    response = client.get("/api/v1/query", {"query": query, "time": str(AT)}, headers=reader)

    assert response.json()["data"]["result"] == []


def test_an_absent_label_is_not_equal_to_what_no_label_can_have(
    client: Client, reader: dict[str, str]
) -> None:
    query = {"query": 'cpu_usage{nowhere!="\\x00"}', "time": str(AT)}

    response = client.get("/api/v1/query", query, headers=reader)

    assert len(response.json()["data"]["result"]) == 2


@pytest.mark.django_db(transaction=True)
def test_a_failure_of_the_store_is_told_in_prometheus_own_form(
    client: Client, reader: dict[str, str]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE metrics_series RENAME TO metrics_series_away")

    try:
        response = client.get("/api/v1/query", {"query": "cpu_usage"}, headers=reader)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE metrics_series_away RENAME TO metrics_series")

    assert response.status_code == 500
    assert response.json()["errorType"] == "internal"
