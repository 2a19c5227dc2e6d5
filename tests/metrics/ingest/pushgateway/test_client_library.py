"""Prometheus's own client library pushes to the portal as to a Pushgateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)
from prometheus_client.exposition import basic_auth_handler
from pytest_django.live_server_helper import LiveServer

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.ingest.pushgateway.models import PushGroup

from .pushes import values

pytestmark = pytest.mark.django_db(transaction=True)

Handler = Callable[..., Any]


@pytest.fixture
def handler() -> Handler:
    """Return what signs requests, with a key as the password."""
    _, token = create_key(name="batch", scopes=[Scope.METRICS_WRITE])

    def sign(url: str, method: str, timeout: float, headers: Any, data: bytes) -> Any:
        return basic_auth_handler(url, method, timeout, headers, data, "batch", token)

    return sign


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("last_success", "When.", registry=registry).set(12.5)
    Counter("rows", "How many.", ["table"], registry=registry).labels('a"b\\').inc(3)
    Histogram("took_seconds", "How long.", buckets=[1], registry=registry).observe(0.5)
    Info("build", "What.", registry=registry).info({"version": "1"})
    return registry


def test_what_is_pushed_is_there_until_it_is_deleted(
    live_server: LiveServer, handler: Handler, registry: CollectorRegistry
) -> None:
    extra = CollectorRegistry()
    Gauge("extra", "More.", registry=extra).set(1)
    where: dict[str, Any] = {
        "job": "nightly backup",
        "grouping_key": {"instance": "db/1", "dir": ""},
        "handler": handler,
    }

    push_to_gateway(live_server.url, registry=registry, compression="gzip", **where)
    pushadd_to_gateway(live_server.url, registry=extra, **where)
    before = values()
    delete_from_gateway(live_server.url, **where)

    labels = 'instance="db/1",job="nightly backup"'
    assert before[f"last_success{{{labels}}}"] == [12.5]
    assert before[f'rows_total{{{labels},table="a"b\\"}}'] == [3.0]
    assert before[f'took_seconds_bucket{{{labels},le="1.0"}}'] == [1.0]
    assert before[f"extra{{{labels}}}"] == [1.0]
    assert {found[-1] for found in values().values()} == {"ended"}
    assert not PushGroup.objects.exists()


def test_a_push_again_replaces_the_one_before(
    live_server: LiveServer, handler: Handler, registry: CollectorRegistry
) -> None:
    other = CollectorRegistry()
    Gauge("last_success", "When.", registry=other).set(13)

    push_to_gateway(live_server.url, job="a", registry=registry, handler=handler)
    push_to_gateway(live_server.url, job="a", registry=other, handler=handler)

    assert values("last_success") == {'last_success{job="a"}': [12.5, 13.0]}
    assert values("rows_total") == {'rows_total{job="a",table="a"b\\"}': [3.0, "ended"]}
