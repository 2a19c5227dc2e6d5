"""`/api/v1/query` and `/api/v1/query_range` as Prometheus's clients use them."""

from __future__ import annotations

import base64
import socket
from functools import partial
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
        b'{"status":"success","data":{"resultType":"scalar","result":[4.5,"2"]}}'
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
        ("query", {"query": "1", "time": "soon"}, 400, "bad_data", "invalid parameter \"time\": invalid time value for 'time': cannot parse \"soon\" to a valid timestamp"),
        ("query", {"query": "1", "limit": "few"}, 400, "bad_data", 'invalid parameter "limit": strconv.Atoi: parsing "few": invalid syntax'),
        ("query", {"query": "1", "limit": "1" * 20}, 400, "bad_data", f'invalid parameter "limit": strconv.Atoi: parsing "{"1" * 20}": value out of range'),
        ("query_range", {"query": "1", "limit": "-1"}, 400, "bad_data", 'invalid parameter "limit": limit must be non-negative'),
        ("query", {"query": "1", "lookback_delta": "long"}, 400, "bad_data", 'error parsing lookback delta duration: cannot parse "long" to a valid duration'),
        ("query", {"query": "1", "timeout": "1e20"}, 400, "bad_data", 'invalid parameter "timeout": cannot parse "1e20" to a valid duration. It overflows int64'),
        ("query_range", {"query": "up[5m]", "start": 1, "end": 5, "step": 1}, 400, "bad_data", 'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector'),
        ("query_range", {"query": "sum(", "start": 0, "end": 20_000, "step": 1}, 400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"),
        ("query", {"query": "cpu_usage", "timeout": "0"}, 503, "timeout", "query timed out in expression evaluation"),
        ("query", {"query": "cpu_usage * on () cpu_usage", "time": AT}, 422, "execution", "found duplicate series for the match group {} on the right hand-side of the operation"),
        ("query", {"query": "1", "timeout": "x"}, 400, "bad_data", 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
        ("query_range", {"query": "1"}, 400, "bad_data", 'invalid parameter "start": cannot parse "" to a valid timestamp'),
        ("query_range", {"query": "1", "start": 10, "end": 5, "step": 1}, 400, "bad_data", 'invalid parameter "end": end timestamp must not be before start time'),
        ("query_range", {"query": "1", "start": 1, "end": 5, "step": 0}, 400, "bad_data", 'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer'),
        ("query_range", {"query": "1", "start": 0, "end": 20_000, "step": 1}, 400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries."),
        ("query", {"query": 'x{a=~"("}'}, 400, "bad_data", ""),
    ],
    ids=["parse", "no-query", "time", "limit", "huge-limit", "negative-limit", "lookback", "long-timeout", "matrix", "resolution-first", "late", "match", "timeout", "no-start", "reversed", "step-0", "resolution", "regex"],
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


def test_limit_cuts_the_series_of_an_answer(client: Client, reader: dict[str, str]) -> None:
    parameters = {"query": "cpu_usage", "time": str(AT), "limit": "1"}
    over_time: dict[str, Any] = {
        "query": "cpu_usage",
        "start": AT,
        "end": AT + 30,
        "step": 15,
        "limit": 1,
    }

    instant = client.get("/api/v1/query", parameters, headers=reader).json()
    ranged = client.get("/api/v1/query_range", over_time, headers=reader).json()

    for answer in (instant, ranged):
        assert [series["metric"]["host"] for series in answer["data"]["result"]] == ["a"]
        assert answer["warnings"] == ["results truncated due to limit"]


@pytest.mark.parametrize("limit", ["", "0", "2", "100"])
def test_an_answer_within_the_limit_is_whole(
    client: Client, reader: dict[str, str], limit: str
) -> None:
    parameters = {"query": "cpu_usage", "time": str(AT), "limit": limit}

    answer = client.get("/api/v1/query", parameters, headers=reader).json()

    assert len(answer["data"]["result"]) == 2
    assert "warnings" not in answer


def test_lookback_delta_says_how_old_a_sample_may_be(
    client: Client, reader: dict[str, str]
) -> None:
    at = {"query": "cpu_usage", "time": str(AT + 30 + 60)}

    far, near, usual = (
        client.get("/api/v1/query", at | {"lookback_delta": delta}, headers=reader).json()
        for delta in ("2m", "59s", "-1")
    )

    assert [len(answer["data"]["result"]) for answer in (far, near, usual)] == [2, 0, 2]


def test_a_long_list_of_warnings_is_cut(client: Client, reader: dict[str, str]) -> None:
    query = " or ".join(f"quantile({n}, cpu_usage)" for n in range(2, 15))

    answer = client.get("/api/v1/query", {"query": query, "time": str(AT)}, headers=reader).json()

    assert len(answer["warnings"]) == 11
    assert answer["warnings"][0] == (
        "PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"
    )
    assert answer["warnings"][-1] == "3 more warning annotations omitted"


def test_statistics_say_how_long_a_query_took_and_what_it_read(
    client: Client, reader: dict[str, str]
) -> None:
    parameters: dict[str, Any] = {
        "query": "sum(count_over_time(cpu_usage[30s]))", "start": AT, "end": AT + 30, "step": 15,
    }  # fmt: skip

    stats = client.get("/api/v1/query_range", parameters | {"stats": "all"}, headers=reader).json()[
        "data"
    ]["stats"]

    assert stats["samples"] == {
        "totalQueryableSamplesPerStep": [[AT, 2], [AT + 15, 4], [AT + 30, 4]],
        "totalQueryableSamples": 10,
        "samplesReadPerStep": [[AT, 2], [AT + 15, 2], [AT + 30, 2]],
        "samplesRead": 6,
        "peakSamples": stats["samples"]["peakSamples"],
    }
    assert list(stats["timings"]) == [
        "evalTotalTime", "resultSortTime", "queryPreparationTime", "innerEvalTime",
        "execQueueTime", "execTotalTime",
    ]  # fmt: skip
    assert stats["timings"]["execTotalTime"] > 0


def test_statistics_come_without_steps_unless_all_are_asked_for(
    client: Client, reader: dict[str, str]
) -> None:
    parameters = {"query": "cpu_usage", "time": str(AT)}

    true, odd = (
        client.get("/api/v1/query", parameters | {"stats": stats}, headers=reader).json()
        for stats in ("true", "1")
    )

    assert list(true["data"]["stats"]["samples"]) == [
        "totalQueryableSamples", "samplesRead", "peakSamples",
    ]  # fmt: skip
    assert "warnings" not in true
    assert list(odd["data"]["stats"]["samples"]) == list(true["data"]["stats"]["samples"])
    assert odd["warnings"] == [
        'value "1" for parameter "stats" is deprecated and will be rejected in the next major '
        'release, use "true" or "all"'
    ]


def test_a_query_is_explained_by_its_nodes(client: Client, reader: dict[str, str]) -> None:
    parameters = {"query": "sum(cpu_usage)", "time": str(AT), "explain": "1"}

    answer = client.get("/api/v1/query", parameters, headers=reader).json()

    root = answer["data"]["explanation"]
    (selector,) = root.pop("children")
    assert (root["kind"], root["text"], root["series"]) == ("aggregation", "sum(cpu_usage)", 1)
    assert (selector["kind"], selector["start"], selector["end"]) == ("selector", 4, 13)
    assert selector["sources"] == {"samples": selector["samples"]}
    assert root["seconds"] >= selector["seconds"] > 0


def test_a_query_ends_when_its_client_has_gone(client: Client, reader: dict[str, str]) -> None:
    ours, theirs = socket.socketpair()
    surroundings: dict[str, Any] = {"gunicorn.socket": ours}
    query = {"query": "cpu_usage", "time": str(AT)}
    ask = partial(client.get, "/api/v1/query", query, headers=reader, **surroundings)

    with ours, theirs:
        while_there = ask()
        theirs.close()
        when_gone = ask()

    assert while_there.status_code == 200
    assert (when_gone.status_code, when_gone.json()["errorType"]) == (499, "canceled")


def test_an_error_is_escaped_as_go_does_it(client: Client, reader: dict[str, str]) -> None:
    response = client.get("/api/v1/query", {"query": "a <& b"}, headers=reader)

    assert b"\\u003c" in response.content or b"\\u0026" in response.content
    assert "&" in response.json()["error"]


def test_labels_that_are_no_text_are_shown_all_the_same(
    client: Client, reader: dict[str, str]
) -> None:
    query = {"query": 'label_replace(vector(1), "a", "\\xff", "", "")'}

    answer = client.get("/api/v1/query", query, headers=reader).json()

    assert answer["data"]["result"][0]["metric"] == {"a": "\ufffd"}


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
