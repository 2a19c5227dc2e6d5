"""`POST /api/v1/write` as Prometheus and other senders use it."""

from __future__ import annotations

import struct
import time
from typing import Any

import pytest
from django.test import Client

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.ingest.protobuf import field
from observability.metrics.ingest.remote_write import receiving
from observability.metrics.models import Metric, SampleLog, Series
from observability.metrics.store import catalogue, log
from observability.metrics.store.log import LogSamples
from observability.promql.staleness import STALE_NAN_BITS

from .write_requests import HEADERS, label, metadata, sample, series, snappy

pytestmark = pytest.mark.django_db

NOW_MS = int(time.time() * 1000)
Stored = dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]


@pytest.fixture
def writer() -> dict[str, str]:
    _, token = create_key(name="prometheus", scopes=[Scope.METRICS_WRITE])
    return {**HEADERS, "Authorization": f"Bearer {token}"}


def write(client: Client, message: bytes, headers: dict[str, str], **changes: str) -> Any:
    return client.post(
        "/api/v1/write",
        snappy(message),
        content_type=changes.pop("content_type", "application/x-protobuf"),
        headers={**headers, **{name.replace("_", "-"): value for name, value in changes.items()}},
    )


def rows() -> list[LogSamples]:
    return [log.decode(row.data) for row in SampleLog.objects.order_by("pk")]


def stored() -> Stored:
    """Every sample of the store, by the labels of its series."""
    names = {
        row.pk: (("__name__", row.metric.name), *sorted(row.labels.items()))
        for row in Series.objects.select_related("metric")
    }
    found: Stored = {}
    for row in rows():
        for series_id, at, value in zip(
            row.series_ids.tolist(), row.timestamps_ms.tolist(), row.values.tolist(), strict=True
        ):
            found.setdefault(names[series_id], []).append((at, value))
    return found


def test_samples_are_stored_with_their_series(client: Client, writer: dict[str, str]) -> None:
    message = series({"__name__": "up", "job": "a"}, (NOW_MS, 1.0), (NOW_MS + 1, 0.0))
    message += series({"__name__": "up", "job": "b"}, (NOW_MS, -2.5))

    answer = write(client, message, writer)

    assert (answer.status_code, answer.content) == (204, b"")
    assert stored() == {
        (("__name__", "up"), ("job", "a")): [(NOW_MS, 1.0), (NOW_MS + 1, 0.0)],
        (("__name__", "up"), ("job", "b")): [(NOW_MS, -2.5)],
    }


@pytest.mark.django_db(transaction=True)
def test_series_that_the_process_remembers_keep_their_ids(
    client: Client, writer: dict[str, str]
) -> None:
    messages = [
        series({"__name__": "up", "n": str(n)}, (NOW_MS + at, float(n)))
        for at in range(3)
        for n in range(4)
    ]

    for message in (b"".join(messages[:4]), b"".join(messages[2:8]), b"".join(messages[8:])):
        assert write(client, message, writer).status_code == 204

    assert len(receiving.known_series) == Series.objects.count() == 4
    assert {
        labels[1][1]: {value for _, value in samples} for labels, samples in stored().items()
    } == {str(n): {float(n)} for n in range(4)}


@pytest.mark.django_db(transaction=True)
def test_nothing_is_remembered_once_the_catalogue_forgets(
    client: Client, writer: dict[str, str]
) -> None:
    message = series({"__name__": "up"}, (NOW_MS, 1.0))
    write(client, message, writer)
    SampleLog.objects.all().delete()
    Series.objects.all().delete()

    catalogue.forget()
    write(client, message, writer)

    assert stored() == {(("__name__", "up"),): [(NOW_MS, 1.0)]}


def test_stale_markers_are_kept_bit_for_bit(client: Client, writer: dict[str, str]) -> None:
    bits = struct.pack("<Q", STALE_NAN_BITS)

    write(client, series({"__name__": "up"}, (NOW_MS, bits)), writer)

    [row] = rows()
    assert row.values.tobytes() == bits


def test_labels_of_the_key_are_added_and_win(client: Client) -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_WRITE], labels={"system": "shop"})
    headers = {**HEADERS, "Authorization": f"Bearer {token}"}

    write(client, series({"__name__": "up", "system": "x", "z": "1"}, (NOW_MS, 1.0)), headers)

    assert list(stored()) == [(("__name__", "up"), ("system", "shop"), ("z", "1"))]


@pytest.mark.django_db(transaction=True)
def test_senders_with_other_added_labels_do_not_share_series(client: Client) -> None:
    message = series({"__name__": "up"}, (NOW_MS, 1.0))
    for system in ("a", "b", "a"):
        _, token = create_key(name="k", scopes=[Scope.METRICS_WRITE], labels={"system": system})
        write(client, message, {**HEADERS, "Authorization": f"Bearer {token}"})

    assert sorted(labels[1][1] for labels in stored()) == ["a", "b"]


def test_labels_in_another_order_are_the_same_series(
    client: Client, writer: dict[str, str]
) -> None:
    pairs: list[tuple[str | bytes, str | bytes]] = [("__name__", "up"), ("a", "1"), ("b", "")]
    message = series(pairs, (NOW_MS, 1.0)) + series(pairs[::-1], (NOW_MS + 1, 2.0))
    message += field(1, label("a", "1") + sample(NOW_MS + 2, 3.0) + label("__name__", "up"))

    answer = write(client, message, writer)

    assert answer.status_code == 204
    assert stored() == {
        (("__name__", "up"), ("a", "1")): [(NOW_MS, 1.0), (NOW_MS + 1, 2.0), (NOW_MS + 2, 3.0)]
    }


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([("job", "a")], "no metric name"),
        ([("__name__", "")], "no metric name"),
        ([], "no metric name"),
        ([("__name__", "1st")], "not a metric name"),
        ([("__name__", "m"), ("a-b", "1")], "not a label name"),
        ([("__name__", "m"), ("a", "1"), ("a", "2")], "there twice"),
        ([("__name__", "m"), ("a", b"\xff")], "UTF-8"),
        ([("__name__", "m"), (b"\xff", "1")], "UTF-8"),
        ([("__name__", "m"), ("a", "\x00")], "U+0000"),
        ([("__name__", "m"), ("a", "x" * 10_000_000)], "at most 2048 bytes"),
        ([("__name__", "m" * 300)], "at most 256 characters"),
        ([("__name__", "m"), *((f"l{n}", "1") for n in range(41))], "at most 40 labels"),
    ],
    ids=[
        "no-name",
        "empty-name",
        "no-labels",
        "bad-metric-name",
        "bad-label-name",
        "twice",
        "value-not-utf8",
        "name-not-utf8",
        "nul",
        "ten-megabytes",
        "long-name",
        "many-labels",
    ],
)
def test_a_bad_series_is_refused_with_its_reason_and_the_rest_stored(
    client: Client, writer: dict[str, str], labels: Any, reason: str
) -> None:
    good = series({"__name__": "up"}, (NOW_MS, 1.0))

    answer = write(client, series(labels, (NOW_MS, 1.0), (NOW_MS, 2.0)) + good, writer)

    assert answer.status_code == 400
    text = answer.content.decode()
    assert text.startswith("refused 2 of 3 samples, stored 1; 2: ")
    assert reason in text
    assert len(text) < 1000
    assert stored() == {(("__name__", "up"),): [(NOW_MS, 1.0)]}


def test_samples_out_of_time_are_refused_by_number_and_the_rest_stored(
    client: Client, writer: dict[str, str]
) -> None:
    day_ms = 86_400_000
    times = [NOW_MS - 31 * day_ms, NOW_MS - 29 * day_ms, NOW_MS, NOW_MS + 30 * 60_000, 0, -5]
    message = series({"__name__": "up"}, *((at, 1.0) for at in times))

    answer = write(client, message, writer)

    assert answer.status_code == 400
    assert answer.content.decode() == (
        "refused 4 of 6 samples, stored 2; 3: older than the 30 days for which samples are kept;"
        " 1: more than 10 minutes in the future\n"
    )
    assert [at for at, _ in stored()[(("__name__", "up"),)]] == times[1:3]


def test_native_histograms_are_refused_and_the_rest_stored(
    client: Client, writer: dict[str, str]
) -> None:
    message = series({"__name__": "latency"}, more=field(4, b"")) + series(
        {"__name__": "up"}, (NOW_MS, 1.0)
    )

    answer = write(client, message, writer)

    assert answer.status_code == 400
    assert b"1: native histograms" in answer.content
    assert list(stored()) == [(("__name__", "up"),)]


def test_metadata_is_recorded_even_when_it_came_before_the_metric(
    client: Client, writer: dict[str, str]
) -> None:
    said = metadata(1, "jobs_total", "Jobs done.") + metadata(3, "wait", "Waiting.", "seconds")
    said += metadata(2, "no such name", "x") + metadata(99, "odd", "\x00" + "x" * 5000)
    write(client, said, writer)
    names = ("jobs_total", "wait_bucket", "odd")
    message = b"".join(series({"__name__": name}, (NOW_MS, 1.0)) for name in names)

    answer = write(client, message + said, writer)

    assert answer.status_code == 204
    found = {metric.name: (metric.type, metric.unit) for metric in Metric.objects.all()}
    assert found == {
        "jobs_total": ("counter", ""),
        "wait_bucket": ("histogram", "seconds"),
        "odd": ("unknown", ""),
    }
    assert Metric.objects.get(name="jobs_total").help == "Jobs done."


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 204),
        ({"content_type": "application/x-protobuf;proto=prometheus.WriteRequest"}, 204),
        ({"content_type": ""}, 204),
        ({"content_type": "application/json"}, 415),
        ({"content_type": "application/x-protobuf;proto=some.Other"}, 415),
        ({"Content_Encoding": "gzip"}, 415),
        ({"Content_Encoding": "SNAPPY"}, 204),
    ],
    ids=["usual", "named", "untyped", "json", "other-message", "gzip", "upper-case"],
)
def test_media_type_and_encoding_are_judged(
    client: Client, writer: dict[str, str], changes: dict[str, str], status: int
) -> None:
    message = series({"__name__": "up"}, (NOW_MS, 1.0))

    assert write(client, message, writer, **changes).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (snappy(b"\x0a\xff"), 400),
        (snappy(field(1, field(1, b"\xff") + sample(NOW_MS, 1.0))), 400),
        (snappy(field(3, b"\xff")), 400),
        (b"not snappy", 400),
        (snappy(bytes(40 * 1024 * 1024)), 413),
        (bytes(17 * 1024 * 1024), 413),
        (snappy(b""), 204),
    ],
    ids=["protobuf", "label", "metadata", "snappy", "bomb", "large", "empty"],
)
def test_a_bad_body_is_refused_as_a_whole(
    client: Client, writer: dict[str, str], body: bytes, status: int
) -> None:
    answer = client.post(
        "/api/v1/write", body, content_type="application/x-protobuf", headers=writer
    )

    assert answer.status_code == status
    assert (status == 204) == (answer.content == b"")
    assert not SampleLog.objects.exists()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"".join(series({"a": f"{n}"}, (0, 1.0)) for n in range(50_001)), "50,000 new series"),
        (metadata(1, "m") * 20_001, "20,000 statements about metrics"),
    ],
    ids=["series", "statements"],
)
def test_a_body_that_would_take_too_long_is_refused(
    client: Client, writer: dict[str, str], message: bytes, reason: str
) -> None:
    answer = write(client, message, writer)

    assert answer.status_code == 413
    assert reason in answer.content.decode()
    assert not Series.objects.exists()


def test_a_writer_says_who_it_is_and_has_the_scope(client: Client) -> None:
    message = series({"__name__": "up"}, (NOW_MS, 1.0))
    _, token = create_key(name="reader", scopes=[Scope.METRICS_READ])

    unknown = write(client, message, HEADERS)
    wrong = write(client, message, {**HEADERS, "Authorization": "Bearer nothing"})
    reader = write(client, message, {**HEADERS, "Authorization": f"Bearer {token}"})

    assert [answer.status_code for answer in (unknown, wrong, reader)] == [401, 401, 403]
    assert "Bearer" in unknown["WWW-Authenticate"]
    assert client.get("/api/v1/write").status_code == 405
    assert not Series.objects.exists()


def test_no_series_is_made_for_samples_that_cannot_be_stored(
    client: Client, writer: dict[str, str]
) -> None:
    long_ago = NOW_MS - 40 * 86_400_000
    message = series({"__name__": "up", "job": "old"}, (long_ago, 1.0), (long_ago + 1, 1.0))
    message += series({"__name__": "up", "job": "new"}, (NOW_MS, 1.0), (long_ago, 1.0))

    answer = write(client, message, writer)

    assert answer.status_code == 400
    assert b"refused 3 of 4 samples, stored 1" in answer.content
    assert stored() == {(("__name__", "up"), ("job", "new")): [(NOW_MS, 1.0)]}
