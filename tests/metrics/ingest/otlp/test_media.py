"""Bodies in protobuf and JSON: what is read, and what is refused before it takes memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.errors import BodyTooLargeError, MalformedBodyError, MetricsError
from observability.metrics.ingest.otlp import message_count
from observability.metrics.ingest.otlp.media import MAX_JSON_VALUES, Media
from observability.metrics.ingest.otlp.message_count import MAX_MESSAGES, check_message_count
from observability.metrics.ingest.otlp.translation import translate
from observability.metrics.ingest.protobuf import field

from .messages import buckets, counter, gauge, histogram, key_values, point, request, summary

AT_MS = 1_700_000_000_000
EVERYTHING = request(
    gauge("a", point(1.5, AT_MS, x="1", y=[1, {"z": "2"}])),
    counter("b", point(2, AT_MS, start_ms=AT_MS - 1)),
    histogram("c", buckets([1, 2], [0.5], AT_MS, total=3.0)),
    summary("d", AT_MS, count=2, total=1.0, quantiles={0.5: 1.0}),
)
EVERYTHING.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].exemplars.add(
    as_int=1, trace_id=b"\x01" * 16, span_id=b"\x02" * 8, filtered_attributes=key_values({"q": "r"})
)


def messages_in(message: Message) -> int:
    """How many messages another holds, by way of what protobuf has built."""
    count = 0
    for descriptor, value in message.ListFields():
        if descriptor.message_type:
            parts = [value] if isinstance(value, Message) else value
            count += sum(1 + messages_in(part) for part in parts)
    return count


def test_messages_are_counted_as_protobuf_would_build_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body, count = EVERYTHING.SerializeToString(), messages_in(EVERYTHING)

    monkeypatch.setattr(message_count, "MAX_MESSAGES", count)
    check_message_count(body)
    monkeypatch.setattr(message_count, "MAX_MESSAGES", count - 1)

    with pytest.raises(BodyTooLargeError, match="messages"):
        check_message_count(body)


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x00" * (MAX_MESSAGES + 1),
        field(1, field(2, field(2, field(7, b"\x0a\x00" * (MAX_MESSAGES + 1))))),
        field(1, field(2, field(2, field(5, field(1, b"\x3a\x00" * (MAX_MESSAGES + 1)))))),
    ],
    ids=["resources", "data points", "attributes"],
)
def test_a_body_of_very_many_empty_messages_is_refused_before_they_are_built(body: bytes) -> None:
    with pytest.raises(BodyTooLargeError):
        Media.PROTOBUF.read(body)


def test_a_message_that_is_nested_too_deeply_is_refused() -> None:
    value = b""
    for _ in range(200):
        value = field(5, field(1, value))
    attribute = field(1, field(1, field(1, field(2, value))))

    with pytest.raises(MalformedBodyError):
        Media.PROTOBUF.read(attribute)


@pytest.mark.parametrize(
    "body",
    [b"{}", b"\x0a", b"\xff" * 20, b"\x0a\x05abc", field(1, field(2, field(2, field(1, b"\xff"))))],
    ids=["JSON", "cut off", "tag", "length", "not UTF-8"],
)
def test_what_is_not_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        Media.PROTOBUF.read(body)


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 400))
def test_no_body_does_anything_but_be_read_or_refused(noise: bytes, start: int, end: int) -> None:
    whole = EVERYTHING.SerializeToString()

    for body in (noise, whole[:start] + noise + whole[end:]):
        try:
            translated = translate(Media.PROTOBUF.read(body))
        except MetricsError:
            continue
        assert len(translated.keys) == len(translated.values) == len(translated.points)


def test_json_says_the_same_as_protobuf() -> None:
    content = {
        "resourceMetrics": [
            {
                "resource": {
                    "attributes": [
                        {"key": "service.name", "value": {"stringValue": "shop"}},
                        {"key": "service.instance.id", "value": {"stringValue": "a1"}},
                    ]
                },
                "scopeMetrics": [
                    {
                        "scope": {"name": "shop.checkout"},
                        "metrics": [
                            {
                                "name": "b",
                                "notYetInvented": {"x": [1]},
                                "sum": {
                                    "aggregationTemporality": 2,
                                    "isMonotonic": True,
                                    "dataPoints": [
                                        {
                                            "asInt": "2",
                                            "timeUnixNano": f"{AT_MS}000000",
                                            "startTimeUnixNano": (AT_MS - 1) * 1_000_000,
                                            "exemplars": [
                                                {
                                                    "asDouble": 1,
                                                    "traceId": "5B8EFFF798038103D269B633813FC60",
                                                    "spanId": "EEE19B7EC3C1B17",
                                                }
                                            ],
                                        }
                                    ],
                                },
                            }
                        ],
                    }
                ],
            }
        ]
    }
    expected = request(counter("b", point(2, AT_MS, start_ms=AT_MS - 1)))
    [[metric]] = [scope.metrics for scope in expected.resource_metrics[0].scope_metrics]
    metric.sum.data_points[0].exemplars.add(as_double=1)

    assert Media.JSON.read(json.dumps(content).encode()) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [('"NaN"', "nan"), ('"-Infinity"', "-inf"), ("1e3", "1000.0"), ('"2.5"', "2.5")],
)
def test_numbers_of_json_may_be_texts(written: str, expected: str) -> None:
    points = f'[{{"asDouble": {written}}}]'
    body = (
        '{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "a",'
        f' "gauge": {{"dataPoints": {points}}}}}]}}]}}]}}'
    )

    decoded = Media.JSON.read(body.encode())

    [read] = decoded.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    assert str(read.as_double) == expected


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "1",
        '{"resourceMetrics": 5}',
        '{"resourceMetrics": {"a": 1}}',
        '{"resourceMetrics": [5]}',
        '{"resourceMetrics": [{"resource": {"attributes": [{"key": 5}]}}]}',
        '{"resourceMetrics": [{"resource": {"attributes": [{"key": "\\ud800"}]}}]}',
        '{"resourceMetrics": [{"resource": {"droppedAttributesCount": "NaN"}}]}',
        '{"resourceMetrics": [{"resource": {"droppedAttributesCount": -1}}]}',
        "[" * 100_000,
        '{"resourceMetrics": [{"resource": {"attributes": [{"value": '
        + '{"arrayValue": {"values": [' * 200
        + "]}}" * 200
        + "}]}}]}",
    ],
    ids=[
        *("nothing", "cut off", "a list", "a number", "number for a list", "object for a list"),
        *("number for an object", "number for a text", "half a character", "NaN for a count"),
        *("negative count", "deep lists", "deep values"),
    ],
)
def test_what_is_not_otlp_in_json_is_refused(content: str) -> None:
    with pytest.raises(MalformedBodyError):
        Media.JSON.read(content.encode())


def test_json_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(MalformedBodyError):
        Media.JSON.read(b'{"resourceMetrics": [{"schemaUrl": "\xff"}]}')


def test_json_of_very_many_objects_is_refused_before_they_are_built() -> None:
    with pytest.raises(BodyTooLargeError, match="objects"):
        Media.JSON.read(b"[" + b"{}," * MAX_JSON_VALUES + b"{}]")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.recursive(
        _json,
        lambda inner: st.dictionaries(
            st.sampled_from(
                [
                    *("resourceMetrics", "scopeMetrics", "metrics", "resource", "attributes"),
                    *("gauge", "sum", "dataPoints", "asDouble", "asInt", "key", "value"),
                    *("stringValue", "bytesValue", "flags", "timeUnixNano", "exemplars"),
                ]
            ),
            inner | st.lists(inner, max_size=3),
            max_size=3,
        ),
    )
)
def test_no_json_does_anything_but_be_read_or_refused(content: Any) -> None:
    try:
        translate(Media.JSON.read(json.dumps(content).encode()))
    except MetricsError:
        return
