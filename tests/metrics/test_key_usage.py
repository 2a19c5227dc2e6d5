"""What keys send, counted, recorded, and shown on the pages of keys."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from observability.access.keys import create_key
from observability.access.models import ApiKey
from observability.access.roles import ADMINISTRATOR
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.ingest.key_counters import (
    KEY_BYTES,
    KEY_SAMPLES,
    KEY_SERIES,
    KEY_WRITES,
)
from observability.metrics.key_usage import usage_of
from observability.metrics.samples import batch_at
from observability.promql.labels import METRIC_NAME, label_set
from tests.access.cast import signed_in
from tests.metrics.ingest.test_limits import DOORS, Door, numbered, send

pytestmark = pytest.mark.django_db

LIST = "/admin/access/apikey/"
SAMPLES = "portal_key_samples_ingested_total"


def make(name: str = "collector") -> tuple[ApiKey, str]:
    return create_key(name=name, scopes=[Scope.METRICS_WRITE])


def counted(key: ApiKey) -> tuple[float, float, float, float]:
    """Samples, series, writes and bytes of a key, as the portal exposes them."""
    labels = (key.name, str(key.pk))
    counters = (KEY_SAMPLES, KEY_SERIES, KEY_WRITES, KEY_BYTES)
    samples, series, writes, size = (c.labels(*labels)._value.get() for c in counters)
    return samples, series, writes, size


def record(key: ApiKey, metric: str, *values: float, every_seconds: int = 60) -> None:
    """Record a counter of a key as `watch` does, the last value now."""
    now_ms = int(time.time() * 1000)
    labels = label_set(
        {METRIC_NAME: metric, "key": key.name, "key_id": str(key.pk), "job": "portal"}
    )
    for age, value in enumerate(reversed(values)):
        get_backend().append(
            batch_at(now_ms - age * every_seconds * 1000, [(labels, float(value))])
        )


@pytest.mark.parametrize("door", DOORS.values(), ids=list(DOORS))
def test_every_door_counts_what_a_key_sends(client: Client, door: Door) -> None:
    cache.clear()
    key, token = make(f"key of {door.path} {door.content_type}")

    for _ in range(2):
        assert send(client, door, token, numbered(1, 2, 3)).status_code < 300

    samples, series, writes, size = counted(key)
    assert (samples, series, writes) == (6, 3, 2)
    assert size == 2 * len(door.write(numbered(1, 2, 3)))


def test_what_is_refused_is_a_write_all_the_same(client: Client) -> None:
    key, token = make()

    client.post("/api/v2/write", "nonsense", content_type="text/plain", headers=bearer(token))

    assert counted(key) == (0, 0, 1, 8)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_keys_of_one_name_are_told_apart() -> None:
    old, new = make()[0], make()[0]
    record(old, SAMPLES, *[7] * 8)
    record(new, SAMPLES, *range(0, 48_000, 6000))

    assert usage_of(old.pk).samples_per_second == 0
    assert usage_of(new.pk).samples_per_second == pytest.approx(100)


@pytest.mark.parametrize(
    ("now", "values", "today"),
    [
        ("2026-03-01T12:00:00Z", [70, 100], 100),
        ("2026-03-01T00:02:30Z", [70, 75, 80, 100, 130], 55),
        ("2026-03-01T00:02:30Z", [70, 75, 80, 3, 10], 0),
    ],
    ids=["key-of-today", "since-midnight", "new-release"],
)
def test_a_day_begins_at_midnight(
    time_machine: Any, now: str, values: list[float], today: float
) -> None:
    time_machine.move_to(now, tick=False)
    key, _ = make()
    record(key, "portal_key_series_made_total", *values)

    assert usage_of(key.pk).series == today


def test_the_list_shows_how_much_each_key_sends() -> None:
    cache.clear()
    key, _ = make("busy")
    make("idle")
    record(key, SAMPLES, *range(0, 720_000, 90_000))

    page = signed_in(ADMINISTRATOR).get(LIST).content.decode()

    assert "samples/s" in page.lower()
    assert "1,500" in page


def test_the_list_asks_no_more_for_more_keys(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = signed_in(ADMINISTRATOR)
    record(make()[0], SAMPLES, 0, 60)
    client.get(LIST)  # fills the caches of the frame
    with CaptureQueriesContext(connection) as first:
        client.get(LIST)
    expected = len(first)
    for number in range(10):
        record(make(f"key {number}")[0], SAMPLES, 0, 60)
    client.get(LIST)  # the series are new to this process

    with django_assert_num_queries(expected):
        client.get(LIST)


def test_the_page_of_a_key_shows_what_it_sends() -> None:
    key, _ = make()
    record(key, SAMPLES, *range(0, 720_000, 90_000))
    record(key, "portal_key_series_made_total", 4321)
    record(key, "portal_key_received_bytes_total", 2048)

    page = signed_in(ADMINISTRATOR).get(f"{LIST}{key.pk}/change/").content.decode()

    for shown in ("1,500", "4,321", "2.0 KiB", "630,000 today", "200,000 a minute"):
        assert shown in page
    assert f"key_id=&quot;{key.pk}&quot;" in page


def test_the_page_of_a_key_asks_no_more_for_more_keys(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = signed_in(ADMINISTRATOR)
    path = f"{LIST}{make()[0].pk}/change/"
    record(make()[0], SAMPLES, 0, 60)
    client.get(path)  # fills the caches of the frame
    with CaptureQueriesContext(connection) as first:
        client.get(path)
    expected = len(first)
    for number in range(10):
        record(make(f"key {number}")[0], SAMPLES, 0, 60)
    client.get(path)  # the series are new to this process

    with django_assert_num_queries(expected):
        client.get(path)


def test_a_key_that_may_not_write_has_no_figures() -> None:
    key, _ = create_key(name="reader", scopes=[Scope.METRICS_READ])

    page = signed_in(ADMINISTRATOR).get(f"{LIST}{key.pk}/change/").content.decode()

    assert "What it sends" not in page
    assert "charts.js" not in page


def test_the_limit_of_a_key_is_set_in_its_form() -> None:
    client = signed_in(ADMINISTRATOR)
    key, _ = make()
    form = {"name": "collector", "scopes": ["metrics:write"], "labels": ""}

    client.post(f"{LIST}{key.pk}/change/", form | {"new_series_per_minute": "500"})
    refused = client.post(f"{LIST}{key.pk}/change/", form | {"new_series_per_minute": "0"})

    key.refresh_from_db()
    assert key.new_series_per_minute == 500
    assert "greater than or equal to 1" in refused.content.decode()
