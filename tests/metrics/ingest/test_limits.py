"""What the portal refuses to take, through each door and in its own form."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from observability.access.keys import create_key
from observability.access.models import ApiKey
from observability.access.scopes import Scope
from observability.metrics.ingest import disk_space
from observability.metrics.instruments import SERIES_REFUSED
from observability.metrics.models import Metric
from observability.telemetry.health import forget_results

from .stored_samples import stored_samples
from .write_requests import HEADERS, series, snappy

pytestmark = pytest.mark.django_db

NOW_MS = int(time.time() * 1000)
Labels = dict[str, str]


@dataclass(frozen=True)
class Door:
    """A way in: its path, how it writes series of the metric `m`, and what it says about an error."""

    path: str
    content_type: str
    write: Callable[[list[Labels]], bytes]
    message: Callable[[Any], str]
    takes_part: bool = True
    limit_status: int = 400
    headers: Any = None


def _lines(label_sets: list[Labels]) -> bytes:
    return b"\n".join(
        "".join(["m", *(f",{n}={v}" for n, v in labels.items()), f" v=1 {NOW_MS}000000"]).encode()
        for labels in label_sets
    )


def _remote_write(label_sets: list[Labels]) -> bytes:
    return snappy(
        b"".join(series({"__name__": "m_v", **labels}, (NOW_MS, 1.0)) for labels in label_sets)
    )


def _objects(label_sets: list[Labels]) -> list[dict[str, Any]]:
    return [
        {"name": "m_v", "value": 1, "labels": labels, "timestamp": NOW_MS / 1000}
        for labels in label_sets
    ]


def _json_message(answer: Any) -> str:
    return str(answer.json()["error"]["message"])


DOORS = {
    "remote-write": Door(
        "/api/v1/write",
        "application/x-protobuf",
        _remote_write,
        lambda answer: str(answer.content.decode()),
        headers=HEADERS,
    ),
    "influx-2": Door(
        "/api/v2/write", "text/plain", _lines, lambda answer: str(answer.json()["message"])
    ),
    "influx-1": Door(
        "/influx/write", "text/plain", _lines, lambda answer: str(answer.json()["error"])
    ),
    "json": Door(
        "/api/metrics",
        "application/json",
        lambda label_sets: json.dumps(_objects(label_sets)).encode(),
        _json_message,
        takes_part=False,
        limit_status=422,
    ),
    "ndjson": Door(
        "/api/metrics",
        "application/x-ndjson",
        lambda label_sets: "\n".join(map(json.dumps, _objects(label_sets))).encode(),
        _json_message,
        takes_part=False,
        limit_status=422,
    ),
}


@pytest.fixture(params=list(DOORS.values()), ids=list(DOORS))
def door(request: pytest.FixtureRequest) -> Door:
    found: Door = request.param
    return found


@pytest.fixture(autouse=True)
def _counts_begin_anew() -> None:
    cache.clear()


@pytest.fixture
def key() -> tuple[ApiKey, str]:
    return create_key(name="collector", scopes=[Scope.METRICS_WRITE])


def send(client: Client, door: Door, token: str, label_sets: list[Labels]) -> Any:
    return client.post(
        door.path,
        door.write(label_sets),
        content_type=door.content_type,
        headers={**(door.headers or {}), "Authorization": f"Bearer {token}"},
    )


def numbered(*numbers: int) -> list[Labels]:
    return [{"n": str(number)} for number in numbers]


def refused(reason: str) -> float:
    return float(SERIES_REFUSED.labels(reason=reason)._value.get())


def test_too_many_new_series_in_a_minute_are_to_be_sent_again(
    client: Client, door: Door, key: tuple[ApiKey, str], settings: Any, time_machine: Any
) -> None:
    # Or a new minute may begin in between.
    time_machine.move_to(time.time(), tick=False)
    settings.MAX_NEW_SERIES_PER_MINUTE = 3
    _, token = key
    assert send(client, door, token, numbered(0, 1)).status_code < 300
    before = refused("rate")

    answer = send(client, door, token, numbered(0, 1, 2, 3, 4))

    assert answer.status_code == 429
    assert answer["Retry-After"] == "60"
    assert (
        "the key collector may make 3 new series a minute"
        " (MAX_NEW_SERIES_PER_MINUTE, or the key's own number)"
    ) in door.message(answer)
    assert refused("rate") == before + 2
    # What is known goes on, whatever else comes along.
    assert send(client, door, token, numbered(0, 1)).status_code < 300
    assert len(stored_samples()) == (3 if door.takes_part else 2)


def test_a_key_may_have_a_number_of_its_own(
    client: Client, door: Door, key: tuple[ApiKey, str], settings: Any
) -> None:
    settings.MAX_NEW_SERIES_PER_MINUTE = 1000
    row, token = key
    ApiKey.objects.filter(pk=row.pk).update(new_series_per_minute=1)
    _, other = create_key(name="other", scopes=[Scope.METRICS_WRITE])

    answer = send(client, door, token, numbered(0, 1, 2))

    assert answer.status_code == 429
    assert "may make 1 new series a minute (set at the key)" in door.message(answer)
    assert send(client, door, other, numbered(0, 1, 2)).status_code < 300


def test_a_metric_has_so_many_series_and_no_more(
    client: Client, door: Door, key: tuple[ApiKey, str], settings: Any
) -> None:
    settings.MAX_SERIES_PER_METRIC = 2
    _, token = key
    assert send(client, door, token, numbered(0, 1)).status_code < 300
    before = refused("metric")

    answer = send(client, door, token, numbered(0, 1, 2))

    assert answer.status_code == door.limit_status
    assert (
        "the metric m_v has 2 series, as many as a metric may have (MAX_SERIES_PER_METRIC);"
        " look for a label that holds ids"
    ) in door.message(answer)
    assert refused("metric") == before + 1
    assert Metric.objects.get().series_count == 2
    assert {len(samples) for samples in stored_samples().values()} == (
        {2} if door.takes_part else {1}
    )


def test_a_series_has_so_many_labels_and_no_more(
    client: Client, door: Door, key: tuple[ApiKey, str], settings: Any
) -> None:
    settings.MAX_LABELS_PER_SERIES = 2
    _, token = key

    answer = send(client, door, token, [{"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "2"}])

    assert answer.status_code == door.limit_status
    assert "a series has at most 2 labels (MAX_LABELS_PER_SERIES); this has 3" in door.message(
        answer
    )
    assert list(stored_samples()) == (['m_v{a="1",b="2"}'] if door.takes_part else [])


@pytest.mark.parametrize("name", ["remote-write", "influx-2", "influx-1", "json"])
def test_a_body_has_so_many_bytes_and_no_more(
    client: Client, key: tuple[ApiKey, str], settings: Any, name: str
) -> None:
    settings.MAX_WRITE_BODY_BYTES = 100
    label_sets = [{"text": str(hash((name, number)))} for number in range(50)]

    answer = send(client, DOORS[name], key[1], label_sets)

    assert answer.status_code == 413
    assert "larger than 100 bytes" in DOORS[name].message(answer)


@pytest.fixture
def _full_disk(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "_last", (float("-inf"), 0))
    forget_results()
    settings.MIN_FREE_DISK_MB = 100_000_000


@pytest.mark.usefixtures("_full_disk")
def test_nothing_is_taken_while_the_disk_is_nearly_full(
    client: Client, door: Door, key: tuple[ApiKey, str], settings: Any
) -> None:
    answer = send(client, door, key[1], numbered(0))

    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
    assert "the portal's disk is nearly full" in door.message(answer)
    assert "writes need 100,000,000 MB (MIN_FREE_DISK_MB); make room" in door.message(answer)
    settings.MIN_FREE_DISK_MB = 1
    assert send(client, door, key[1], numbered(0)).status_code < 300


@pytest.mark.usefixtures("_full_disk")
def test_who_may_not_write_is_not_told_about_the_disk(client: Client, door: Door) -> None:
    assert send(client, door, "unknown-key", numbered(0)).status_code == 401


@pytest.mark.usefixtures("_full_disk")
def test_the_health_check_says_that_the_disk_is_nearly_full(
    client: Client, key: tuple[ApiKey, str]
) -> None:
    health = client.get("/health", headers={"Authorization": f"Bearer {key[1]}"}).json()

    assert health["checks"]["samples"]["status"] == "failing"
    assert "MIN_FREE_DISK_MB" in health["checks"]["samples"]["message"]


def test_the_disk_may_be_left_out_of_account(
    client: Client, door: Door, key: tuple[ApiKey, str], settings: Any
) -> None:
    settings.MIN_FREE_DISK_MB = 0
    settings.DATA_DIR = "/nowhere"

    assert send(client, door, key[1], numbered(0)).status_code < 300
