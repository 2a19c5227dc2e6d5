"""The short way for programs, as gunicorn calls it."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework_simplejwt.tokens import AccessToken

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.models import Metric
from observability.wsgi import application
from tests.metrics.ingest.write_requests import series, snappy

pytestmark = pytest.mark.django_db(transaction=True)

NOW_MS = int(time.time() * 1000)


def call(path: str, body: bytes = b"", **environ: str) -> tuple[str, dict[str, str], bytes]:
    """Return status line, headers and body of the answer to a POST, unless another method is given."""
    started: list[Any] = []
    answer = application(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            **environ,
        },
        lambda status, headers: started.extend((status, dict(headers))),
    )
    status, headers = started
    return status, headers, b"".join(answer)


@pytest.mark.parametrize("path", ["/api/v1/write", "/api/v1/write/"])
def test_a_write_is_stored_and_has_a_request_id(path: str) -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_WRITE])
    body = snappy(series({"__name__": "up"}, (NOW_MS, 1.0)))

    status, headers, answer = call(path, body, HTTP_AUTHORIZATION=f"Bearer {token}")

    assert (status, answer) == ("204 No Content", b"")
    assert headers["X-Request-ID"]
    assert Metric.objects.get().name == "up"


def test_a_refusal_says_why() -> None:
    status, headers, answer = call("/api/v1/write", HTTP_AUTHORIZATION="Bearer wrong")

    assert status == "401 Unauthorized"
    assert "WWW-Authenticate" in headers
    assert b"key" in answer


def read(path: str, token: str, query: str = "") -> tuple[str, dict[str, str], bytes]:
    """Return the same of a GET with a key."""
    return call(
        path,
        REQUEST_METHOD="GET",
        QUERY_STRING=query,
        HTTP_AUTHORIZATION=f"Bearer {token}",
    )


@pytest.mark.parametrize("path", ["/api/v1/query", "/api/v1/query/"])
def test_a_query_is_answered_and_has_a_request_id(path: str) -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_READ])

    status, headers, answer = read(path, token, "query=1%2B1&time=1")

    assert status == "200 OK"
    assert json.loads(answer)["data"]["result"] == [1, "2"]
    assert headers["Content-Length"] == str(len(answer))
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-ID"]
    assert "X-Frame-Options" not in headers


def test_a_query_may_come_as_a_form() -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_READ])

    status, _, answer = call(
        "/api/v1/query",
        b"query=1%2B1&time=1",
        CONTENT_TYPE="application/x-www-form-urlencoded",
        HTTP_AUTHORIZATION=f"Bearer {token}",
    )

    assert status == "200 OK"
    assert json.loads(answer)["data"]["result"] == [1, "2"]


def test_a_query_may_come_with_a_token_of_a_person() -> None:
    token = AccessToken.for_user(User.objects.create_superuser("ann"))

    status, _, _ = read("/api/v1/query", str(token), "query=1")

    assert status == "200 OK"


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        pytest.param([Scope.METRICS_READ], "200 OK", id="reader"),
        pytest.param([Scope.METRICS_WRITE], "403 Forbidden", id="writer"),
        pytest.param([Scope.ADMIN], "200 OK", id="admin"),
    ],
)
def test_a_query_needs_the_scope(scopes: list[Scope], status: str) -> None:
    _, token = create_key(name="k", scopes=scopes)

    answered, _, _ = read("/api/v1/query", token, "query=1")

    assert answered == status


def test_a_key_that_is_not_known_is_refused_as_prometheus_would() -> None:
    status, headers, answer = read("/api/v1/query", "wrong", "query=1")

    assert status == "401 Unauthorized"
    assert headers["WWW-Authenticate"]
    assert json.loads(answer)["errorType"] == "unauthorized"


def test_a_method_that_is_not_allowed_names_those_that_are() -> None:
    _, token = create_key(name="k", scopes=[Scope.ADMIN])

    status, headers, _ = read("/api/v1/admin/tsdb/delete_series", token)

    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "POST, PUT, OPTIONS"


def test_the_methods_that_are_allowed_can_be_asked_for() -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_READ])

    status, headers, answer = call(
        "/api/v1/query", REQUEST_METHOD="OPTIONS", HTTP_AUTHORIZATION=f"Bearer {token}"
    )

    assert status == "204 No Content"
    assert headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert answer == b""


def test_queries_that_fail_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_READ])

    _, headers, _ = read("/api/v1/query", token, "query=1%2B")

    line = next(record for record in caplog.records if record.name == "observability.requests")
    logged: Any = line.msg
    assert logged["route"] == "/api/v1/query/"
    assert logged["status"] == 400
    assert logged["request_id"] == headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("path", "environ", "status"),
    [
        pytest.param("/api/v1/write", {}, "401 Unauthorized", id="a write without a key"),
        pytest.param("/api/v1/query", {}, "401 Unauthorized", id="a query without a key"),
        pytest.param(
            "/api/metrics",
            {"HTTP_AUTHORIZATION": "Bearer x"},
            "401 Unauthorized",
            id="another path",
        ),
        pytest.param(
            "/api/v1/nothing", {"HTTP_AUTHORIZATION": "Bearer x"}, "404 Not Found", id="no path"
        ),
        pytest.param(
            "/api/v1/query",
            {"HTTP_AUTHORIZATION": "Bearer x", "REQUEST_METHOD": "OPTIONS"},
            "401 Unauthorized",
            id="another method",
        ),
    ],
)
def test_all_else_goes_the_long_way(path: str, environ: dict[str, str], status: str) -> None:
    answered, headers, _ = call(path, b"", **environ)

    assert answered == status
    assert headers["X-Frame-Options"] == "DENY"
