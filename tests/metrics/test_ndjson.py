"""`POST /api/metrics` with one sample a line."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.errors import PartlyStoredError
from observability.metrics.ingest import json_lines
from observability.metrics.ingest.json_lines import MAX_LINE_BYTES, store_lines
from observability.metrics.ingest.sender import PORTAL
from observability.metrics.models import Series
from tests.metrics.ingest.stored_samples import stored_samples

pytestmark = pytest.mark.django_db

NOW = time.time()
NOW_MS = round(NOW * 1000)


@pytest.fixture
def writer() -> dict[str, str]:
    _, token = create_key(name="writer", scopes=[Scope.METRICS_WRITE], labels={"system": "shop"})
    return {"Authorization": f"Bearer {token}"}


def line(number: float, **more: Any) -> str:
    return json.dumps({"name": "m", "value": number, "timestamp": NOW - number, **more})


def post(
    client: Client,
    body: str | bytes,
    headers: dict[str, str],
    *,
    content_type: str = "application/x-ndjson",
) -> Any:
    return client.post("/api/metrics", body, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    "content_type",
    ["application/x-ndjson", "application/jsonl", "application/ndjson; charset=utf-8"],
)
def test_each_line_is_a_sample(client: Client, writer: dict[str, str], content_type: str) -> None:
    body = "\n".join([line(1), "", line(2, labels={"n": "2"}), "  ", line(3)])

    answer = post(client, body, writer, content_type=content_type)

    assert (answer.status_code, answer.json()) == (202, {"accepted": 3})
    assert stored_samples() == {
        'm{system="shop"}': [(NOW_MS - 1000, 1.0), (NOW_MS - 3000, 3.0)],
        'm{n="2",system="shop"}': [(NOW_MS - 2000, 2.0)],
    }


def test_nothing_is_no_error(client: Client, writer: dict[str, str]) -> None:
    assert post(client, "\n\n", writer).json() == {"accepted": 0}


@pytest.mark.parametrize("encoding", ["gzip", "GZIP"])
def test_lines_may_come_in_gzip(client: Client, writer: dict[str, str], encoding: str) -> None:
    # Files that were compressed one by one may be sent as one.
    body = b"".join(gzip.compress(f"{line(n)}\n".encode()) for n in range(3))

    answer = post(client, body, {**writer, "Content-Encoding": encoding})

    assert answer.json() == {"accepted": 3}


def test_json_may_come_in_gzip(client: Client, writer: dict[str, str]) -> None:
    body = gzip.compress(f"[{line(1)}, {line(2)}]".encode())

    answer = post(
        client, body, {**writer, "Content-Encoding": "gzip"}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()) == (202, {"accepted": 2})


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"not gzip", "gzip", 400),
        (gzip.compress(line(1).encode())[:-5], "gzip", 400),
        (b"{}", "br", 415),
    ],
    ids=["not-gzip", "cut-off", "brotli"],
)
@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json"])
def test_what_cannot_be_unpacked_is_refused(
    client: Client,
    writer: dict[str, str],
    body: bytes,
    encoding: str,
    status: int,
    content_type: str,
) -> None:
    headers = {**writer, "Content-Encoding": encoding}

    answer = post(client, body, headers, content_type=content_type)

    assert answer.status_code == status, answer.content
    assert "no sample was stored" in answer.json()["error"]["message"]
    assert not Series.objects.exists()


def test_batches_before_a_wrong_line_are_stored(
    client: Client, writer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "MAX_BATCH_LINES", 3)
    body = "\n".join([*(line(n) for n in range(1, 5)), "", '{"name": "m"}', "nonsense", line(9)])

    answer = post(client, body, writer)

    assert answer.status_code == 422
    assert answer.json() == {
        "error": {
            "code": "invalid",
            "message": "only 3 samples before were stored:"
            " line 6, value: Object missing required field `value`",
            "details": [
                {"line": 6, "field": "value", "message": "Object missing required field `value`"},
                {
                    "line": 7,
                    "field": "",
                    "message": "it is not valid JSON: JSON is malformed: invalid character (byte 4)",
                },
            ],
        },
        "accepted": 3,
    }
    assert sum(len(samples) for samples in stored_samples().values()) == 3


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        (line(1, name="1st"), "name", "is not a metric name"),
        (line(1, timestamp=1), "timestamp", "older than"),
        ("[1]", "", "Expected `object`"),
        ("[" * 100_000, "", "Expected `object`"),
        ('{"name": "\xff', "", "JSON"),
        (" " * MAX_LINE_BYTES + line(1), "", "at most 1,048,576 bytes"),
        ("x" * (MAX_LINE_BYTES * 3), "", "at most 1,048,576 bytes"),
    ],
    ids=["name", "time", "list", "deep", "cut-off", "long", "very-long"],
)
def test_a_wrong_line_is_named(
    client: Client, writer: dict[str, str], wrong: str, field: str, message: str
) -> None:
    answer = post(client, f"{line(1)}\n{wrong}\n{line(2)}\n", writer)

    assert answer.status_code == 422
    assert answer.json()["accepted"] == 0
    [detail] = answer.json()["error"]["details"]
    assert (detail["line"], detail["field"]) == (2, field)
    assert message in detail["message"]
    assert not Series.objects.exists()


def test_memory_does_not_grow_with_the_body() -> None:
    def parts(count: int) -> Iterator[bytes]:
        for number in range(count):
            yield f"{line(number % 1000)}\n".encode() * 100

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert store_lines(parts(count), now_ms=NOW_MS, sender=PORTAL) == count * 100
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(110)
    assert peak(400) < 1.2 * peak(110)


@given(st.lists(st.integers(0, 300), max_size=40), st.integers(1, 50), st.booleans())
def test_lines_are_found_however_the_body_is_divided(
    numbers: list[int], size: int, ends: bool
) -> None:
    body = "\n".join(f'{{"n": {number}}}' if number else "" for number in numbers).encode()
    body += b"\n" if ends else b""
    parts = [body[at : at + size] for at in range(0, len(body), size)]

    found = list(json_lines._lines(parts))

    assert found == [
        (place, f'{{"n": {number}}}'.encode()) for place, number in enumerate(numbers, 1) if number
    ]


def test_a_fault_of_a_later_batch_says_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MAX_BATCH_LINES", 2)
    body = "\n".join([line(1), line(2), "x"]).encode()

    with pytest.raises(PartlyStoredError) as caught:
        store_lines([body], now_ms=NOW_MS, sender=PORTAL)

    assert caught.value.accepted == 2
