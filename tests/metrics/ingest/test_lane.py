"""The short way for writes, as gunicorn calls it."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.models import Metric
from observability.wsgi import application
from tests.metrics.ingest.write_requests import series, snappy

pytestmark = pytest.mark.django_db(transaction=True)

NOW_MS = int(time.time() * 1000)


def call(path: str, body: bytes = b"", **environ: str) -> tuple[str, dict[str, str], bytes]:
    """Return status line, headers and body of the answer to a POST."""
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


@pytest.mark.parametrize(
    ("path", "environ"),
    [
        pytest.param("/api/v1/write", {}, id="a write without a key"),
        pytest.param("/api/metrics", {"HTTP_AUTHORIZATION": "Bearer x"}, id="another path"),
    ],
)
def test_all_else_goes_the_long_way(path: str, environ: dict[str, str]) -> None:
    status, headers, _ = call(path, b"", **environ)

    assert status == "401 Unauthorized"
    assert headers["X-Frame-Options"] == "DENY"
