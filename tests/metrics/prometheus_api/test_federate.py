"""`/federate`: what another Prometheus scrapes."""

from __future__ import annotations

import math
import time

import pytest
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.ingest.exposition_text.exposition import TextFormat
from observability.metrics.ingest.exposition_text.parsing import parse
from observability.metrics.ingest.exposition_text.series_key import decode_key
from observability.metrics.samples import batch_at
from observability.promql.labels import label_set
from observability.promql.staleness import STALE_NAN

pytestmark = pytest.mark.django_db


@pytest.fixture
def now_ms(db: None) -> int:
    """Store samples, and return the time of the newest."""
    now_ms = int(time.time() * 1000) - 1_000
    for ago_ms, labels, value in [
        (60_000, {"__name__": "up", "instance": "b", "job": "node"}, 1.0),
        (30_000, {"__name__": "up", "instance": "a", "job": "node"}, 1.0),
        (0, {"__name__": "up", "instance": "a", "job": "node"}, 0.0),
        (0, {"__name__": "load", "job": 'a"b\\c\nd'}, 1234567.5),
        (0, {"__name__": "odd", "instance": "x"}, math.inf),
        (30_000, {"__name__": "ended"}, 1.0),
        (0, {"__name__": "ended"}, STALE_NAN),
        (400_000, {"__name__": "old"}, 1.0),
        (0, {"__name__": "http.requests", "service.name": "shop"}, 2.0),
    ]:
        get_backend().append(batch_at(now_ms - ago_ms, [(label_set(labels), value)]))
    return now_ms


def test_newest_samples_are_exposed_with_their_times(
    client: Client, reader: dict[str, str], now_ms: int
) -> None:
    response = client.get("/federate", {"match[]": ["up", '{__name__=~".+"}']}, headers=reader)

    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"  # fmt: skip
    assert response.content.decode().splitlines() == [
        "# TYPE http_requests untyped",
        f'http_requests{{service_name="shop",instance=""}} 2 {now_ms}',
        "# TYPE load untyped",
        rf'load{{job="a\"b\\c\nd",instance=""}} 1.2345675e+06 {now_ms}',
        "# TYPE odd untyped",
        f'odd{{instance="x"}} +Inf {now_ms}',
        "# TYPE up untyped",
        f'up{{instance="a",job="node"}} 0 {now_ms}',
        f'up{{instance="b",job="node"}} 1 {now_ms - 60_000}',
    ]


@pytest.mark.parametrize(
    ("escaping", "line"),
    [
        ("allow-utf-8", '{"http.requests","service.name"="shop",instance=""}'),
        ("values", 'U__http_2e_requests{U__service_2e_name="shop",instance=""}'),
        ("dots", 'http_dot_requests{service_dot_name="shop",instance=""}'),
        ("underscores", 'http_requests{service_name="shop",instance=""}'),
    ],
)
def test_names_are_written_as_the_client_wants_them(
    client: Client, reader: dict[str, str], now_ms: int, escaping: str, line: str
) -> None:
    accept = f"application/openmetrics-text;version=1.0.0;escaping={escaping};q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"  # fmt: skip

    response = client.get(
        "/prometheus/federate", {"match[]": '{"http.requests"}'}, headers={**reader, "Accept": accept}
    )  # fmt: skip

    assert response["Content-Type"].endswith(f"escaping={escaping}")
    assert response.content.decode().splitlines()[1] == f"{line} 2 {now_ms}"


@pytest.mark.parametrize("escaping", ["allow-utf-8", "values"])
def test_what_is_exposed_can_be_scraped(
    client: Client, reader: dict[str, str], now_ms: int, escaping: str
) -> None:
    response = client.get(
        "/federate",
        {"match[]": "{}"},
        headers={**reader, "Accept": f"text/plain;escaping={escaping}"},
    )

    parsed = parse(response.content, TextFormat.PROMETHEUS)

    assert len(parsed) == 5
    assert {decode_key(key)["__name__"] for key in parsed.keys} >= {"load", "odd", "up"}


def test_without_selectors_nothing_is_exposed(client: Client, reader: dict[str, str]) -> None:
    response = client.get("/federate", headers=reader)

    assert (response.status_code, response.content) == (200, b"")


def test_a_wrong_selector_is_told_in_plain_text(client: Client, reader: dict[str, str]) -> None:
    response = client.get("/federate", {"match[]": "up{"}, headers=reader)

    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/plain")
    assert response.content == b"1:4: parse error: unexpected end of input inside braces\n"


def test_a_form_is_not_posted_there(client: Client, reader: dict[str, str]) -> None:
    assert client.post("/federate", {"match[]": "up"}, headers=reader).status_code == 405
