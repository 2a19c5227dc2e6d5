"""`/api/v1/labels` and `/api/v1/label/<name>/values` as Prometheus answers them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from observability.promql.labels import label_set

pytestmark = pytest.mark.django_db

AT = 1_760_000_000


@pytest.fixture(autouse=True)
def _data(db: None) -> None:
    for labels, at in (
        ({"__name__": "up", "job": "node", "instance": "b"}, AT),
        ({"__name__": "up", "job": "node", "instance": "a", "zone": "é"}, AT + 7_200),
        ({"__name__": "http.requests", "job": "web", "service.name": "shop"}, AT),
    ):
        get_backend().append(batch_at(at * 1000, [(label_set(labels), 1.0)]))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["__name__", "instance", "job", "service.name", "zone"]),
        ({"match[]": "up"}, ["__name__", "instance", "job", "zone"]),
        ({"match[]": ["up", '{"http.requests"}']}, ["__name__", "instance", "job", "service.name", "zone"]),
        ({"match[]": '{job="web"}', "start": AT, "end": AT + 1}, ["__name__", "job", "service.name"]),
        ({"start": AT + 60}, ["__name__", "instance", "job", "zone"]),
        ({"match[]": "none"}, []),
    ],
    ids=["all", "metric", "several", "label-then", "since", "none"],
)  # fmt: skip
def test_names(
    client: Client, reader: dict[str, str], parameters: dict[str, Any], expected: list[str]
) -> None:
    response = client.get("/api/v1/labels", parameters, headers=reader)

    assert response.json() == {"status": "success", "data": expected}


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("job", {}, ["node", "web"]),
        ("__name__", {}, ["http.requests", "up"]),
        ("instance", {"match[]": "up"}, ["a", "b"]),
        ("instance", {"match[]": "up", "start": AT + 60}, ["a"]),
        ("__name__", {"start": AT + 60, "end": AT + 9_000}, ["up"]),
        ("zone", {}, ["é"]),
        ("service.name", {}, ["shop"]),
        ("U__service_2e_name", {}, ["shop"]),
        ("nothing", {}, []),
        ("a\x00b", {}, []),
        ("job", {"match[]": ["up", "none"]}, ["node"]),
    ],
    ids=["label", "metrics", "of-metric", "since", "metrics-since", "utf-8", "dots", "escaped", "none", "nul", "several"],
)  # fmt: skip
def test_values(
    client: Client,
    reader: dict[str, str],
    name: str,
    parameters: dict[str, Any],
    expected: list[str],
) -> None:
    response = client.get(f"/api/v1/label/{quote(name)}/values", parameters, headers=reader)

    assert response.json() == {"status": "success", "data": expected}


@pytest.mark.parametrize("path", ["labels", "label/job/values"])
@pytest.mark.parametrize("prefix", ["/api/v1/", "/prometheus/api/v1/"])
@pytest.mark.parametrize("end", ["", "/"])
def test_a_limit_that_cuts_is_told_at_every_address(
    client: Client, reader: dict[str, str], path: str, prefix: str, end: str
) -> None:
    answer = client.get(f"{prefix}{path}{end}", {"limit": 1}, headers=reader).json()

    assert len(answer["data"]) == 1
    assert answer["warnings"] == ["results truncated due to limit"]


def test_names_may_be_asked_for_by_a_form_but_not_values(
    client: Client, reader: dict[str, str]
) -> None:
    names = client.post("/api/v1/labels", {"match[]": "up", "limit": "2"}, headers=reader)
    values = client.post("/api/v1/label/job/values", {}, headers=reader)

    assert names.json()["data"] == ["__name__", "instance"]
    assert values.status_code == 405


@pytest.mark.parametrize("path", ["labels", "label/job/values"])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"match[]": "up{"}, "1:4: parse error: unexpected end of input inside braces"),
        ({"match[]": "{}"}, "match[] must contain at least one non-empty matcher"),
        ({"limit": "-1"}, 'invalid parameter "limit": limit must be non-negative'),
        ({"start": "x"}, "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"),
    ],
    ids=["parse", "everything", "limit", "start"],
)  # fmt: skip
def test_errors_are_prometheus_own(
    client: Client, reader: dict[str, str], path: str, parameters: dict[str, Any], message: str
) -> None:
    response = client.get(f"/api/v1/{path}", parameters, headers=reader)

    assert response.status_code == 400
    assert response.json() == {"status": "error", "errorType": "bad_data", "error": message}


def test_a_label_without_a_name_is_refused(client: Client, reader: dict[str, str]) -> None:
    response = client.get("/api/v1/label/U__/values", headers=reader)

    assert response.status_code == 400
    assert response.json()["error"] == 'invalid label name: ""'
