"""`POST /api/v1/write` as senders of remote write 2.0 use it."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.ingest.protobuf import field, varint
from observability.metrics.models import Metric, SampleLog, Series
from observability.metrics.store import catalogue
from observability.promql.staleness import STALE_NAN_BITS

from . import write_requests
from .test_remote_write import NOW_MS, rows, stored
from .write_requests import HEADERS, HEADERS_V2, V2, Symbols, refs, sample, snappy

pytestmark = pytest.mark.django_db

UP = (("__name__", "up"),)


@pytest.fixture
def writer() -> dict[str, str]:
    _, token = create_key(name="prometheus", scopes=[Scope.METRICS_WRITE])
    return {**HEADERS_V2, "Authorization": f"Bearer {token}"}


def write(client: Client, message: bytes, headers: dict[str, str]) -> Any:
    return client.post("/api/v1/write", snappy(message), content_type=V2, headers=headers)


def written(answer: Any) -> tuple[str, str, str]:
    """What the answer says was written: samples, histograms, exemplars."""
    samples, histograms, exemplars = (
        answer.headers[f"X-Prometheus-Remote-Write-{what}-Written"]
        for what in ("Samples", "Histograms", "Exemplars")
    )
    return samples, histograms, exemplars


def test_samples_are_stored_with_their_series(client: Client, writer: dict[str, str]) -> None:
    symbols = Symbols()
    message = symbols.message(
        symbols.series({"__name__": "up", "job": "a"}, (NOW_MS, 1.0), (NOW_MS + 1, 0.0)),
        symbols.series({"__name__": "up", "job": "up"}, (NOW_MS, -2.5)),
    )

    answer = write(client, message, writer)

    assert (answer.status_code, answer.content) == (204, b"")
    assert written(answer) == ("3", "0", "0")
    assert stored() == {
        (("__name__", "up"), ("job", "a")): [(NOW_MS, 1.0), (NOW_MS + 1, 0.0)],
        (("__name__", "up"), ("job", "up")): [(NOW_MS, -2.5)],
    }


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_changes_the_version_goes_on_with_its_series(
    client: Client, writer: dict[str, str]
) -> None:
    labels = {"__name__": "up", "job": "a"}
    symbols = Symbols()
    in_v1 = snappy(write_requests.series(labels, (NOW_MS, 1.0)))
    write(client, symbols.message(symbols.series(labels, (NOW_MS + 1, 2.0))), writer)

    client.post(
        "/api/v1/write",
        in_v1,
        content_type="application/x-protobuf",
        headers={**writer, **HEADERS},
    )
    # The next body has other symbols, so the same series has other references.
    symbols = Symbols()
    other = symbols.series({"__name__": "other"}, (NOW_MS, 5.0))
    write(client, symbols.message(other, symbols.series(labels, (NOW_MS + 2, 3.0))), writer)

    assert Series.objects.count() == 2
    assert sorted(stored()[(("__name__", "up"), ("job", "a"))]) == [
        (NOW_MS, 1.0),
        (NOW_MS + 1, 2.0),
        (NOW_MS + 2, 3.0),
    ]


def test_labels_may_come_in_any_order(client: Client, writer: dict[str, str]) -> None:
    symbols = Symbols()
    pairs: list[tuple[str | bytes, str | bytes]] = [("b", "2"), ("__name__", "up"), ("a", "")]

    answer = write(client, symbols.message(symbols.series(pairs, (NOW_MS, 1.0))), writer)

    assert answer.status_code == 204
    assert stored() == {(("__name__", "up"), ("b", "2")): [(NOW_MS, 1.0)]}


def test_stale_markers_are_kept_bit_for_bit(client: Client, writer: dict[str, str]) -> None:
    bits = struct.pack("<Q", STALE_NAN_BITS)
    symbols = Symbols()

    write(client, symbols.message(symbols.series({"__name__": "up"}, (NOW_MS, bits))), writer)

    [row] = rows()
    assert row.values.tobytes() == bits


def test_when_a_counter_began_makes_no_sample(client: Client, writer: dict[str, str]) -> None:
    symbols = Symbols()
    began = b"\x18" + varint(NOW_MS - 3_600_000)
    content = symbols.labels({"__name__": "jobs_total"}) + field(
        2, b"\x09" + struct.pack("<d", 7.0) + b"\x10" + varint(NOW_MS) + began
    )
    # Where early senders of 2.0 put it.
    content += b"\x30" + varint(NOW_MS - 3_600_000)

    answer = write(client, symbols.message(content), writer)

    assert written(answer) == ("1", "0", "0")
    assert stored() == {(("__name__", "jobs_total"),): [(NOW_MS, 7.0)]}


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([("job", "a")], "no metric name"),
        ([("__name__", "")], "no metric name"),
        ([], "no metric name"),
        ([("__name__", "m"), ("a-b", "1")], "not a label name"),
        ([("__name__", "m"), ("a", "1"), ("a", "2")], "there twice"),
        ([("__name__", "m"), ("a", b"\xff")], "UTF-8"),
        ([("__name__", "m"), (b"\xff", "1")], "UTF-8"),
        ([("__name__", "m"), ("a", "x" * 10_000_000)], "at most 2048 bytes"),
        ([("__name__", "m"), *((f"l{n}", "1") for n in range(41))], "at most 40 labels"),
        ([("__name__", "m"), *((f"l{n}", "") for n in range(100_000))], "at most 40 labels"),
    ],
    ids=[
        "no-name",
        "empty-name",
        "no-labels",
        "bad-label-name",
        "twice",
        "value-not-utf8",
        "name-not-utf8",
        "ten-megabytes",
        "many-labels",
        "many-empty-labels",
    ],
)
def test_a_bad_series_is_refused_with_its_reason_and_the_rest_stored(
    client: Client, writer: dict[str, str], labels: Any, reason: str
) -> None:
    symbols = Symbols()
    bad = symbols.series(labels, (NOW_MS, 1.0), (NOW_MS, 2.0))
    good = symbols.series({"__name__": "up"}, (NOW_MS, 1.0))

    answer = write(client, symbols.message(bad, good), writer)

    assert answer.status_code == 400
    text = answer.content.decode()
    assert text.startswith("refused 2 of 3 samples, stored 1; 2: ")
    assert reason in text
    assert len(text) < 1000
    assert written(answer) == ("1", "0", "0")
    assert stored() == {UP: [(NOW_MS, 1.0)]}


def test_native_histograms_are_refused_and_the_rest_stored(
    client: Client, writer: dict[str, str]
) -> None:
    symbols = Symbols()
    message = symbols.message(
        symbols.series({"__name__": "latency"}, more=field(3, b"") * 2),
        symbols.series({"__name__": "up"}, (NOW_MS, 1.0)),
    )

    answer = write(client, message, writer)

    assert answer.status_code == 400
    assert b"2: native histograms" in answer.content
    assert written(answer) == ("1", "0", "0")
    assert list(stored()) == [UP]


def test_exemplars_that_were_stored_are_counted(client: Client, writer: dict[str, str]) -> None:
    symbols = Symbols()
    at = b"\x18" + varint(NOW_MS)
    exemplar = field(4, symbols.labels({"trace_id": "abc"}) + b"\x11" + bytes(8) + at)
    message = symbols.message(
        symbols.series({"__name__": "up"}, (NOW_MS, 1.0), more=exemplar),
        symbols.series({"__name__": "up", "job": "a"}, more=exemplar),
    )

    answer = write(client, message, writer)

    assert answer.status_code == 204
    assert written(answer) == ("1", "0", "1")
    assert list(stored()) == [UP]


@pytest.mark.django_db(transaction=True)
def test_metadata_is_recorded_when_it_is_news(client: Client, writer: dict[str, str]) -> None:
    def message(help_text: str) -> bytes:
        symbols = Symbols()
        said = symbols.metadata(1, help_text, "jobs")
        return symbols.message(
            symbols.series({"__name__": "jobs_total", "a": "1"}, (NOW_MS, 1.0), more=said),
            symbols.series({"__name__": "jobs_total", "a": "2"}, (NOW_MS, 1.0), more=said),
            symbols.series({"__name__": "wait_bucket"}, (NOW_MS, 1.0), more=symbols.metadata(3)),
            symbols.series({"__name__": "silent"}, (NOW_MS, 1.0), more=symbols.metadata(0)),
        )

    def described() -> set[tuple[str, str, str, str]]:
        return set(Metric.objects.values_list("name", "type", "help", "unit"))

    write(client, message("Jobs."), writer)
    first = described()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        write(client, message("Jobs."), writer)
    write(client, message("Jobs done."), writer)

    others = {("wait_bucket", "histogram", "", ""), ("silent", "unknown", "", "")}
    assert first == {("jobs_total", "counter", "Jobs.", "jobs"), *others}
    assert not [query for query in queries if "metrics_metric" in query["sql"]]
    assert described() == {("jobs_total", "counter", "Jobs done.", "jobs"), *others}


@pytest.mark.django_db(transaction=True)
def test_metadata_of_a_metric_that_was_refused_is_heard_later(
    client: Client, writer: dict[str, str]
) -> None:
    def message(label_name: str) -> bytes:
        symbols = Symbols()
        labels = {"__name__": "jobs_total", label_name: "1"}
        return symbols.message(
            symbols.series(labels, (NOW_MS, 1.0), more=symbols.metadata(1, "Jobs."))
        )

    assert write(client, message("a-b"), writer).status_code == 400
    assert write(client, message("a"), writer).status_code == 204

    assert Metric.objects.get(name="jobs_total").help == "Jobs."


@pytest.mark.django_db(transaction=True)
def test_nothing_is_remembered_once_the_catalogue_forgets(
    client: Client, writer: dict[str, str]
) -> None:
    symbols = Symbols()
    content = symbols.series({"__name__": "up"}, (NOW_MS, 1.0), more=symbols.metadata(2, "Up."))
    write(client, symbols.message(content), writer)
    SampleLog.objects.all().delete()
    Series.objects.all().delete()
    Metric.objects.all().delete()

    catalogue.forget()
    write(client, symbols.message(content), writer)

    assert stored() == {UP: [(NOW_MS, 1.0)]}
    assert Metric.objects.get(name="up").help == "Up."


@pytest.mark.django_db(transaction=True)
def test_too_many_new_series_are_to_be_repeated_and_the_rest_is_stored(
    client: Client, writer: dict[str, str], settings: Any
) -> None:
    settings.MAX_NEW_SERIES_PER_MINUTE = 2
    symbols = Symbols()
    parts = [
        symbols.series({"__name__": "up", "n": str(number)}, (NOW_MS, 1.0)) for number in range(5)
    ]

    answer = write(client, symbols.message(*parts), writer)

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    assert written(answer) == ("2", "0", "0")
    assert len(stored()) == 2


def bomb() -> bytes:
    """30 kB on the wire whose labels would be 100 GB."""
    symbols = Symbols()
    content = symbols.series([("a", "x" * 1_000_000)] * 100_000, (NOW_MS, 1.0))
    return symbols.message(content)


@pytest.mark.parametrize(
    ("message", "status", "reason"),
    [
        (b"\x2a\xff", 400, "not a protobuf message of remote write 2.0"),
        (field(4, b"") + field(5, refs(0, 7) + sample(NOW_MS, 1.0)), 400, "refers to a symbol"),
        (field(4, b"") + field(5, refs(0) + sample(NOW_MS, 1.0)), 400, "even in number"),
        (field(4, b"up"), 400, "first symbol"),
        (write_requests.series({"__name__": "up"}, (NOW_MS, 1.0)), 400, "remote write 1.0"),
        (bomb(), 413, "bytes of labels"),
        (bytes(40 * 1024 * 1024), 413, "33,554,432 bytes"),
        (b"", 204, ""),
    ],
    ids=[
        "protobuf",
        "no-such-symbol",
        "odd",
        "first-symbol",
        "message-of-1.0",
        "label-bomb",
        "snappy-bomb",
        "empty",
    ],
)
def test_a_bad_body_is_refused_as_a_whole(
    client: Client, writer: dict[str, str], message: bytes, status: int, reason: str
) -> None:
    answer = write(client, message, writer)

    assert answer.status_code == status
    assert reason in answer.content.decode()
    assert not SampleLog.objects.exists()


def test_a_message_of_2_0_that_says_it_is_1_0_is_refused(
    client: Client, writer: dict[str, str]
) -> None:
    symbols = Symbols()
    body = snappy(symbols.message(symbols.series({"__name__": "up"}, (NOW_MS, 1.0))))

    answer = client.post(
        "/api/v1/write", body, content_type="application/x-protobuf", headers=writer
    )

    assert answer.status_code == 400


def test_senders_of_1_0_get_no_headers_of_2_0(client: Client, writer: dict[str, str]) -> None:
    answer = client.post(
        "/api/v1/write",
        snappy(write_requests.series({"__name__": "up"}, (NOW_MS, 1.0))),
        content_type="application/x-protobuf",
        headers={**writer, **HEADERS},
    )

    assert answer.status_code == 204
    assert not [name for name in answer.headers if "Remote-Write" in name]
