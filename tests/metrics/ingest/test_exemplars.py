"""Exemplars that remote write brings, in both versions: what is kept of them, and what it costs samples."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.ingest import exemplars
from observability.metrics.ingest.protobuf import field, varint
from observability.metrics.instruments import EXEMPLARS_DROPPED, EXEMPLARS_STORED
from observability.metrics.models import Series
from observability.metrics.store.exemplars import writing
from observability.metrics.store.exemplars.models import StoredExemplar
from tests.metrics.ingest.stored_exemplars import stored_exemplars
from tests.metrics.ingest.stored_samples import stored_samples

from .write_requests import HEADERS, HEADERS_V2, V2, Symbols, label, series, snappy

pytestmark = pytest.mark.django_db

NOW_MS = int(time.time() * 1000)
TRACE = {"trace_id": "abc"}

Told = tuple[Mapping[str, str], float, int]
Sent = tuple[Mapping[str, str], list[tuple[int, float]], list[Told]]
Write = Callable[..., Any]


def numbers_of(value: float, timestamp_ms: int) -> bytes:
    return b"\x11" + struct.pack("<d", value) + b"\x18" + varint(timestamp_ms % 2**64)


def body_v1(*sent: Sent) -> bytes:
    return b"".join(
        series(
            labels,
            *samples,
            more=b"".join(
                field(3, b"".join(label(n, v) for n, v in told.items()) + numbers_of(value, at))
                for told, value, at in exemplars
            ),
        )
        for labels, samples, exemplars in sent
    )


def body_v2(*sent: Sent) -> bytes:
    symbols = Symbols()
    return symbols.message(
        *[
            symbols.series(
                labels,
                *samples,
                more=b"".join(
                    field(4, symbols.labels(told) + numbers_of(value, at))
                    for told, value, at in exemplars
                ),
            )
            for labels, samples, exemplars in sent
        ]
    )


@pytest.fixture(params=[1, 2], ids=["1.0", "2.0"])
def write(request: pytest.FixtureRequest, client: Client) -> Write:
    """Write series, each as labels, samples and exemplars."""
    _, token = create_key(name="prometheus", scopes=[Scope.METRICS_WRITE])
    is_v2 = request.param == 2

    def write(*sent: Sent) -> Any:
        return client.post(
            "/api/v1/write",
            snappy((body_v2 if is_v2 else body_v1)(*sent)),
            content_type=V2 if is_v2 else "application/x-protobuf",
            headers={**(HEADERS_V2 if is_v2 else HEADERS), "Authorization": f"Bearer {token}"},
        )

    return write


def counts() -> tuple[float, float]:
    stored, dropped = (
        counter.labels(protocol="remote_write") for counter in (EXEMPLARS_STORED, EXEMPLARS_DROPPED)
    )
    return stored._value.get(), dropped._value.get()


def test_exemplars_are_kept_with_their_series(write: Write) -> None:
    answer = write(
        ({"__name__": "a"}, [(NOW_MS, 1.0)], [(TRACE, 0.5, NOW_MS - 1), ({}, 2.0, NOW_MS)]),
        ({"__name__": "b", "le": "1"}, [(NOW_MS, 1.0)], []),
        # As Prometheus sends them: a series of its own, without samples.
        ({"__name__": "b", "le": "1"}, [], [({"span": "ü", "trace_id": "1"}, -1.0, NOW_MS - 5)]),
    )

    assert answer.status_code == 204
    assert stored_exemplars() == {
        "a": [(TRACE, 0.5, NOW_MS - 1), ({}, 2.0, NOW_MS)],
        "b le=1": [({"span": "ü", "trace_id": "1"}, -1.0, NOW_MS - 5)],
    }
    assert sum(map(len, stored_samples().values())) == 2


@pytest.mark.django_db(transaction=True)
def test_exemplars_find_series_that_the_process_remembers(write: Write) -> None:
    labels = {"__name__": "known"}
    write((labels, [(NOW_MS, 1.0)], []))

    with CaptureQueriesContext(
        connection,
    ) as queries:
        write((labels, [], [(TRACE, 1.0, NOW_MS)]), (labels, [(NOW_MS + 1, 2.0)], []))

    assert stored_exemplars() == {"known": [(TRACE, 1.0, NOW_MS)]}
    told = [query["sql"] for query in queries if "metrics_exemplar" in query["sql"]]
    assert len(told) == 1
    assert not [query for query in queries if "fingerprint" in query["sql"]]


def test_exemplars_make_no_series(write: Write) -> None:
    answer = write(({"__name__": "a"}, [], [(TRACE, 1.0, NOW_MS)]))

    assert answer.status_code == 204
    assert not Series.objects.exists()
    assert not StoredExemplar.objects.exists()


def test_a_body_without_exemplars_does_not_ask_for_them(write: Write) -> None:
    with CaptureQueriesContext(connection) as queries:
        write(({"__name__": "a"}, [(NOW_MS, 1.0)], []))

    assert not [query for query in queries if "metrics_exemplar" in query["sql"]]


def test_what_is_not_news_of_its_series_is_dropped_and_counted(write: Write) -> None:
    labels = {"__name__": "a"}
    write((labels, [(NOW_MS, 1.0)], [(TRACE, 1.0, NOW_MS)]))
    stored, dropped = counts()

    answer = write(
        (labels, [], [(TRACE, 1.0, NOW_MS)]),
        (labels, [], [(TRACE, 2.0, NOW_MS - 1)]),
        (labels, [], [({"trace_id": "new"}, 3.0, NOW_MS + 1)]),
    )

    assert answer.status_code == 204
    assert counts() == (stored + 1, dropped + 2)
    assert stored_exemplars() == {
        "a": [(TRACE, 1.0, NOW_MS), ({"trace_id": "new"}, 3.0, NOW_MS + 1)]
    }


@pytest.mark.parametrize(
    ("labels", "at_ms"),
    [
        ({"trace_id": "x" * 121}, NOW_MS),
        ({"trace_id": "a\x00b"}, NOW_MS),
        (TRACE, NOW_MS + 3_600_000),
        (TRACE, 1_000_000),
        (TRACE, -1),
    ],
    ids=["129-characters", "nul", "future", "old", "before-1970"],
)
def test_what_is_against_the_rules_is_dropped_and_costs_nothing_else(
    write: Write, labels: dict[str, str], at_ms: int
) -> None:
    right = {"trace_id": "ü" * 120}

    answer = write(
        ({"__name__": "a"}, [(NOW_MS, 1.0)], [(labels, 1.0, at_ms)]),
        ({"__name__": "b"}, [(NOW_MS, 1.0)], [(right, 1.0, NOW_MS)]),
    )

    assert answer.status_code == 204
    assert len(stored_samples()) == 2
    assert stored_exemplars() == {"b": [(right, 1.0, NOW_MS)]}


@pytest.mark.parametrize("more", [b"\xff", field(1, b"\xff\xff"), b"\x08\x63", b"\x12\x00"])
def test_an_exemplar_that_cannot_be_read_costs_no_sample(client: Client, more: bytes) -> None:
    _, token = create_key(name="prometheus", scopes=[Scope.METRICS_WRITE])
    symbols = Symbols()

    for body, media, headers in (
        (series({"__name__": "a"}, (NOW_MS, 1.0), more=field(3, more)), "application/x-protobuf", HEADERS),
        (symbols.message(symbols.series({"__name__": "b"}, (NOW_MS, 1.0), more=field(4, more))), V2, HEADERS_V2),
    ):  # fmt: skip
        answer = client.post(
            "/api/v1/write",
            snappy(body),
            content_type=media,
            headers={**headers, "Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 204

    assert len(stored_samples()) == 2


@pytest.mark.django_db(transaction=True)
def test_samples_stay_when_exemplars_cannot_be_stored(write: Write) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE metrics_exemplar RENAME TO metrics_elsewhere")
    try:
        answer = write(({"__name__": "a"}, [(NOW_MS, 1.0)], [(TRACE, 1.0, NOW_MS)]))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE metrics_elsewhere RENAME TO metrics_exemplar")

    assert answer.status_code == 204
    assert stored_samples() == {"a{}": [(NOW_MS, 1.0)]}
    assert answer.headers.get("X-Prometheus-Remote-Write-Exemplars-Written", "0") == "0"


def test_of_very_many_in_a_body_only_so_many_are_kept(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exemplars, "MAX_EXEMPLARS", 5)

    write(({"__name__": "a"}, [(NOW_MS, 1.0)], [(TRACE, float(n), NOW_MS + n) for n in range(9)]))

    assert [value for _, value, _ in stored_exemplars()["a"]] == [0, 1, 2, 3, 4]


@pytest.mark.django_db(transaction=True)
def test_the_oldest_make_room_for_new_ones(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MAX_EXEMPLARS", 20)
    monkeypatch.setattr(writing, "TRIM_STEP", 10)

    for turn in range(8):
        told = [(TRACE, 1.0, NOW_MS + 10 * turn + n) for n in range(9)]
        write(({"__name__": "a"}, [(NOW_MS, 1.0)], told))

    times = sorted(StoredExemplar.objects.values_list("timestamp_ms", flat=True))
    assert 20 <= len(times) <= 30 + 9
    assert times[-1] == NOW_MS + 78
