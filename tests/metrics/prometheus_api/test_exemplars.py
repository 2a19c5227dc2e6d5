"""`/api/v1/query_exemplars` as Prometheus answers it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from observability.metrics.exemplars import Exemplar
from observability.metrics.store import catalogue
from observability.metrics.store.exemplars import writing
from observability.promql.labels import label_set

pytestmark = pytest.mark.django_db

AT = 1_600_096_945
A = {"__name__": "requests_total", "instance": "a", "job": "shop"}
B = {"__name__": "requests_total", "instance": "b", "job": "shop"}
BUCKET = {"__name__": "wait_bucket", "job": "shop", "le": "1"}


def exemplar(value: float, at_ms: int, **labels: str) -> Exemplar:
    return Exemplar(labels=labels, value=value, timestamp_ms=at_ms)


def told(value: str, timestamp: float, **labels: str) -> dict[str, Any]:
    return {"labels": labels, "value": value, "timestamp": timestamp}


@pytest.fixture(autouse=True)
def _data(db: None) -> None:
    b, a, bucket = catalogue.series_ids([label_set(one) for one in (B, A, BUCKET)]).tolist()
    writing.write(
        {
            b: [exemplar(math.inf, AT * 1000 + 100, trace_id="3")],
            a: [
                exemplar(19, AT * 1000 + 5_000, trace_id="2", span_id="s"),
                exemplar(6, AT * 1000 + 479, trace_id="1"),
            ],
            bucket: [exemplar(0.25, (AT + 3_600) * 1000)],
        }
    )


def ask(client: Client, headers: dict[str, str], **parameters: Any) -> Any:
    return client.get("/api/v1/query_exemplars", parameters, headers=headers).json()


OF_A: dict[str, Any] = {
    "seriesLabels": A,
    "exemplars": [
        told("6", AT + 0.479, trace_id="1"),
        told("19", AT + 5, span_id="s", trace_id="2"),
    ],
}
OF_B = {"seriesLabels": B, "exemplars": [told("+Inf", AT + 0.1, trace_id="3")]}
OF_BUCKET = {"seriesLabels": BUCKET, "exemplars": [told("0.25", AT + 3_600)]}


@pytest.mark.parametrize(
    ("query", "parameters", "expected"),
    [
        ("requests_total", {}, [OF_A, OF_B]),
        ('rate(requests_total{instance="b"}[5m] offset 1d)', {}, [OF_B]),
        ("sum(rate(requests_total[5m])) / histogram_quantile(0.9, wait_bucket) + requests_total", {}, [OF_A, OF_B, OF_BUCKET]),
        ('max_over_time({job=~"sh.*"}[1h:1m])', {"start": AT + 60}, [OF_BUCKET]),
        ("requests_total", {"end": AT + 0.1}, [OF_B]),
        ("requests_total", {"start": AT + 1, "end": AT + 60}, [{**OF_A, "exemplars": OF_A["exemplars"][1:]}]),
        ("requests_total", {"start": AT + 60}, []),
        ("nothing", {}, []),
    ],
    ids=["metric", "range", "several", "subquery", "until", "between", "after", "none"],
)  # fmt: skip
def test_every_selector_of_the_expression_chooses(
    client: Client,
    reader: dict[str, str],
    query: str,
    parameters: dict[str, Any],
    expected: list[Any],
) -> None:
    assert ask(client, reader, query=query, **parameters) == {
        "status": "success",
        "data": expected,
    }


def test_times_have_three_decimals_and_labels_their_order(
    client: Client, reader: dict[str, str]
) -> None:
    response = client.get(
        "/api/v1/query_exemplars", {"query": 'requests_total{instance="b"}'}, headers=reader
    )

    assert response.content == (
        b'{"status":"success","data":[{"seriesLabels":{"__name__":"requests_total","instance":"b",'
        b'"job":"shop"},"exemplars":[{"labels":{"trace_id":"3"},"value":"+Inf",'
        b'"timestamp":1600096945.100}]}]}'
    )


def test_an_expression_without_a_selector_has_no_data(
    client: Client, reader: dict[str, str]
) -> None:
    assert ask(client, reader, query="1 + 1") == {"status": "success"}


@pytest.mark.parametrize("path", ["/api/v1/query_exemplars", "/api/v1/query_exemplars/", "/prometheus/api/v1/query_exemplars"])  # fmt: skip
def test_a_posted_form_does_as_well(client: Client, reader: dict[str, str], path: str) -> None:
    response = client.post(path, {"query": "requests_total", "end": AT + 0.1}, headers=reader)

    assert response.json()["data"] == [OF_B]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "unknown position: parse error: no expression found in input"),
        ({"query": "up{"}, "1:4: parse error: unexpected end of input inside braces"),
        ({"query": "up", "start": "x"}, "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"),
        ({"query": "up", "start": 2, "end": 1}, "end timestamp must not be before start timestamp"),
    ],
    ids=["none", "parse", "start", "reversed"],
)  # fmt: skip
def test_errors_are_prometheus_own(
    client: Client, reader: dict[str, str], parameters: dict[str, Any], message: str
) -> None:
    response = client.get("/api/v1/query_exemplars", parameters, headers=reader)

    assert response.status_code == 400
    assert response.json() == {"status": "error", "errorType": "bad_data", "error": message}


def test_more_series_cost_no_more_statements(client: Client, reader: dict[str, str]) -> None:
    ask(client, reader, query="requests_total")

    with CaptureQueriesContext(connection) as few:
        ask(client, reader, query='{instance="b"}')
    with CaptureQueriesContext(connection) as many:
        ask(client, reader, query='{job="shop"}')

    assert len(few) == len(many)
