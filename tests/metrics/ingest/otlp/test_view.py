"""The door of OTLP/HTTP: URLs, media types, compression, refusals in the form that senders read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from pytest_django.fixtures import DjangoAssertNumQueries

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.ingest.otlp import receiving
from observability.metrics.ingest.otlp.media import MAX_JSON_BYTES, MAX_PROTOBUF_BYTES
from observability.metrics.ingest.protobuf import fields
from observability.metrics.instruments import WRITES_REJECTED
from tests.metrics.ingest.stored_samples import stored_samples

from .conftest import Send
from .messages import DELTA, buckets, counter, gauge, histogram, point, request

Post = Callable[..., HttpResponse]
JSON = "application/json"


def status_message(answer: Any) -> str:
    """The message of the google.rpc.Status that an error is answered with, in the form of the request."""
    if answer["Content-Type"] == JSON:
        message: str = json.loads(answer.content)["message"]
        return message
    [(number, _, content)] = fields(answer.content)
    assert number == 2
    assert isinstance(content, bytes)
    return content.decode()


@pytest.mark.parametrize(
    "path", ["/v1/metrics", "/v1/metrics/", "/api/v1/otlp/v1/metrics", "/api/v1/otlp/v1/metrics/"]
)
def test_both_paths_take_metrics(post: Post, now_ms: int, path: str) -> None:
    body = request(gauge("a", point(1, now_ms))).SerializeToString()

    answer = post(body, path=path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Content-Type"] == "application/x-protobuf"
    assert len(stored_samples()) == 1


def test_json_is_answered_in_json(post: Post, now_ms: int) -> None:
    body = MessageToJson(request(gauge("a", point(1, now_ms)))).encode()

    answer = post(body, content_type=f"{JSON}; charset=utf-8")

    assert (answer.status_code, answer["Content-Type"]) == (200, JSON)
    assert json.loads(answer.content) == {}
    assert len(stored_samples()) == 1


def test_a_partial_success_is_told_in_json(post: Post, now_ms: int) -> None:
    metrics = [gauge("a", point(1, now_ms)), gauge("@", point(1, now_ms))]
    body = MessageToJson(request(*metrics)).encode()

    answer = post(body, content_type=JSON)

    assert answer.status_code == 200
    assert json.loads(answer.content) == {
        "partialSuccess": {
            "rejectedDataPoints": "1",
            "errorMessage": "1 of @: the name of a metric must have a letter or a digit",
        }
    }


@pytest.mark.parametrize(
    "body",
    [request().SerializeToString(), request(gauge("a")).SerializeToString()],
    ids=["no metrics", "no points"],
)
def test_a_request_without_data_points_is_a_success(post: Post, body: bytes) -> None:
    answer = post(body)

    assert (answer.status_code, answer.content) == (200, b"")
    assert stored_samples() == {}


def test_a_compressed_body_is_read(post: Post, now_ms: int) -> None:
    body = gzip.compress(request(gauge("a", point(1, now_ms))).SerializeToString())

    assert post(body, Content_Encoding="gzip").status_code == 200
    assert len(stored_samples()) == 1


@pytest.mark.parametrize(
    ("content_type", "size"),
    [("application/x-protobuf", MAX_PROTOBUF_BYTES), (JSON, MAX_JSON_BYTES)],
)
def test_a_bomb_is_refused(post: Post, content_type: str, size: int) -> None:
    body = gzip.compress(b" " * (size + 1))

    answer = post(body, content_type=content_type, Content_Encoding="gzip")

    assert answer.status_code == 413
    assert answer["Content-Type"] == content_type
    assert "larger than" in status_message(answer)


def test_a_body_that_is_too_large_is_refused(post: Post) -> None:
    assert post(b" " * (MAX_JSON_BYTES + 1), content_type=JSON).status_code == 413


@pytest.mark.parametrize("content_type", ["application/x-protobuf", JSON])
@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        (b"\xff\xff", {}, 400, "OTLP metrics"),
        (b"no gzip", {"Content_Encoding": "gzip"}, 400, "not gzip"),
        (gzip.compress(b"{}")[:-4], {"Content_Encoding": "gzip"}, 400, "cut off"),
        (b"{}", {"Content_Encoding": "br"}, 415, "'br'"),
        (b"{}", {"Authorization": ""}, 401, "API key"),
        (b"{}", {"Authorization": "Bearer op_wrong"}, 401, "key"),
    ],
    ids=["malformed", "no gzip", "cut off", "encoding", "no key", "wrong key"],
)
def test_a_refusal_has_the_form_of_the_request(
    post: Post,
    content_type: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    message: str,
) -> None:
    counted = WRITES_REJECTED.labels(protocol="otlp")
    before = counted._value.get()

    answer = post(body, content_type=content_type, **headers)

    assert (answer.status_code, answer["Content-Type"]) == (status, content_type)
    assert message in status_message(answer)
    assert counted._value.get() == before + 1


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(post: Post, content_type: str) -> None:
    answer = post(b"a", content_type=content_type)

    assert answer.status_code == 415
    assert "application/x-protobuf or application/json" in status_message(answer)


def test_only_post_is_allowed(client: Client) -> None:
    answer = client.get("/v1/metrics")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.django_db
def test_a_key_without_the_scope_is_refused(client: Client) -> None:
    _, token = create_key(name="reader", scopes=[Scope.METRICS_READ])

    answer = client.post(
        "/v1/metrics",
        b"",
        content_type="application/x-protobuf",
        headers={"Authorization": f"Bearer {token}"},
    )

    assert answer.status_code == 403
    assert "metrics:write" in status_message(answer)


@pytest.mark.django_db
def test_labels_of_the_key_are_added_and_win(client: Client, now_ms: int) -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_WRITE], labels={"job": "theirs"})

    client.post(
        "/v1/metrics",
        request(gauge("a", point(1, now_ms))).SerializeToString(),
        content_type="application/x-protobuf",
        headers={"Authorization": f"Bearer {token}"},
    )

    assert list(stored_samples()) == ['a{instance="a1",job="theirs"}']


@pytest.mark.django_db
def test_a_sender_that_makes_too_many_series_is_told_to_wait(client: Client, now_ms: int) -> None:
    key, token = create_key(name="k", scopes=[Scope.METRICS_WRITE])
    key.new_series_per_minute = 2
    key.save()
    points = [point(1, now_ms, n=n) for n in range(5)]

    answer = client.post(
        "/v1/metrics",
        request(gauge("a", *points), resource={}).SerializeToString(),
        content_type="application/x-protobuf",
        headers={"Authorization": f"Bearer {token}"},
    )

    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert "2 new series a minute" in status_message(answer)
    assert len(stored_samples()) == 2


def test_a_database_that_is_away_is_told_to_senders(
    post: Post, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_away(*_: Any, **__: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(receiving, "take_in", is_away)

    answer = post(request(gauge("a", point(1, now_ms))).SerializeToString())

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "not available" in status_message(answer)


@pytest.mark.django_db(transaction=True)
def test_points_of_known_series_take_one_statement(
    post: Post, now_ms: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def body(at_ms: int) -> bytes:
        points = [point(1.0, at_ms, start_ms=now_ms - 9000, n=n) for n in range(20)]
        return request(counter("a", *points), gauge("b", *points)).SerializeToString()

    post(body(now_ms))

    with django_assert_num_queries(1):
        post(body(now_ms + 1))


@pytest.mark.django_db(transaction=True)
def test_deltas_of_known_series_take_as_many_statements_for_one_as_for_many(
    post: Post, now_ms: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def body(at_ms: int, count: int) -> bytes:
        points = [buckets([1, 2], [1], at_ms, total=1.0, n=n) for n in range(count)]
        return request(histogram("a", *points, temporality=DELTA)).SerializeToString()

    post(body(now_ms, 20))

    # BEGIN, lock, read, write, append, COMMIT.
    with django_assert_num_queries(6):
        post(body(now_ms + 1, 1))
    with django_assert_num_queries(6):
        post(body(now_ms + 2, 20))


def test_more_samples_than_a_body_may_have_are_refused(
    post: Post, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("observability.metrics.ingest.otlp.translation.MAX_SAMPLES", 4)

    answer = post(request(histogram("a", buckets([1] * 4, [1, 2, 3], now_ms))).SerializeToString())

    assert answer.status_code == 413
    assert "larger than 4 samples" in status_message(answer)
    assert stored_samples() == {}


def test_metrics_of_several_resources_are_kept_apart(send: Send, post: Post, now_ms: int) -> None:
    both = ExportMetricsServiceRequest()
    for name in ("a", "b"):
        both.MergeFrom(request(gauge("up", point(1, now_ms)), resource={"service.name": name}))

    post(both.SerializeToString())

    assert sorted(stored_samples()) == ['up{job="a"}', 'up{job="b"}']
