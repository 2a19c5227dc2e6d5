from __future__ import annotations

import gzip
from ipaddress import ip_network

import pytest
from django.test import Client
from pytest_django import Settings

from observability.access.keys import create_key
from observability.access.scopes import Scope

pytestmark = pytest.mark.django_db

PATHS = ["/metrics", "/metrics/", "/api/metrics"]
STRANGER = "203.0.113.9"


@pytest.mark.parametrize("path", PATHS)
def test_allowed_network_reads_without_a_key(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"# TYPE http_requests_total counter" in response.content


@pytest.mark.parametrize("path", PATHS)
def test_stranger_is_refused(client: Client, path: str) -> None:
    assert client.get(path, REMOTE_ADDR=STRANGER).status_code == 401


def test_stranger_does_not_get_in_by_a_header(client: Client) -> None:
    response = client.get("/metrics", REMOTE_ADDR=STRANGER, HTTP_X_FORWARDED_FOR="127.0.0.1")

    assert response.status_code == 401


def test_client_behind_a_trusted_proxy_is_judged_by_its_own_address(
    client: Client, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]

    response = client.get("/metrics", HTTP_X_FORWARDED_FOR=STRANGER)

    assert response.status_code == 401


@pytest.mark.parametrize(
    ("scope", "status"), [(Scope.METRICS_READ, 200), (Scope.METRICS_WRITE, 403)]
)
def test_key_needs_the_scope_to_read(client: Client, scope: Scope, status: int) -> None:
    _, token = create_key(name="scraper", scopes=[scope])

    response = client.get(
        "/metrics", REMOTE_ADDR=STRANGER, headers={"Authorization": f"Bearer {token}"}
    )

    assert response.status_code == status


def test_openmetrics_is_answered_to_those_who_ask(client: Client) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5"

    response = client.get("/metrics", headers={"Accept": accept})

    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert response.content.endswith(b"# EOF\n")


def test_answer_is_compressed_for_those_who_take_it(client: Client) -> None:
    response = client.get("/metrics", headers={"Accept-Encoding": "gzip"})

    assert response.headers["Content-Encoding"] == "gzip"
    assert b"# TYPE" in gzip.decompress(response.content)


@pytest.mark.parametrize("path", PATHS)
def test_exposition_can_be_turned_off(client: Client, settings: Settings, path: str) -> None:
    settings.PROMETHEUS_ENABLED = False

    assert client.get(path).status_code == 404


def test_exposition_cannot_be_posted_to(client: Client) -> None:
    assert client.post("/metrics").status_code == 405
