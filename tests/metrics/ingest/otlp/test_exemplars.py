"""Exemplars of OTLP data points: at their counter, or at the bucket that counts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.metrics.ingest.stored_exemplars import stored_exemplars

from .conftest import Send
from .messages import buckets, counter, histogram, key_values, point

pytestmark = pytest.mark.django_db

TRACE, SPAN = b"\x0a" * 16, b"\x01" * 8
IDS = {"trace_id": "0a" * 16, "span_id": "01" * 8}


def test_an_exemplar_of_a_counter_leads_to_its_trace(send: Send, now_ms: int) -> None:
    sold = point(3, now_ms)
    sold.exemplars.add(
        as_int=2,
        time_unix_nano=(now_ms - 7) * 1_000_000,
        trace_id=TRACE,
        span_id=SPAN,
        filtered_attributes=key_values({"user.tier": "gold", "n": 5}),
    )

    assert send(counter("sales", sold), resource={}) is None

    assert stored_exemplars() == {
        "sales_total": [({**IDS, "user.tier": "gold", "n": "5"}, 2.0, now_ms - 7)]
    }


def test_exemplars_of_a_histogram_are_of_the_bucket_that_counts_them(
    send: Send, now_ms: int
) -> None:
    wait = buckets([1, 2, 1], [0.5, 1], now_ms, total=4.0)
    for number, value in enumerate([0.5, 0.7, 1.0, 8.0]):
        wait.exemplars.add(as_double=value, time_unix_nano=(now_ms + number) * 1_000_000)

    send(histogram("wait", wait), resource={})

    assert {name: [value for _, value, _ in told] for name, told in stored_exemplars().items()} == {
        "wait_bucket le=0.5": [0.5],
        "wait_bucket le=1": [0.7, 1.0],
        "wait_bucket le=+Inf": [8.0],
    }


def test_attributes_that_are_too_long_are_left_out_and_the_ids_stay(
    send: Send, now_ms: int
) -> None:
    sold = point(3, now_ms)
    sold.exemplars.add(
        as_int=2, trace_id=TRACE, span_id=SPAN, filtered_attributes=key_values({"q": "x" * 100})
    )

    send(counter("sales", sold), resource={})

    assert stored_exemplars() == {"sales_total": [(IDS, 2.0, now_ms)]}


def test_an_exemplar_without_a_time_is_kept_once(send: Send, now_ms: int) -> None:
    for turn in range(3):
        sold = point(3, now_ms + turn)
        sold.exemplars.add(as_int=2, trace_id=TRACE)
        send(counter("sales", sold), resource={})

    assert stored_exemplars() == {"sales_total": [({"trace_id": "0a" * 16}, 2.0, now_ms)]}


@pytest.mark.parametrize(
    ("trace_id", "expected"),
    [("0A" * 16, IDS), ("xyz", {"span_id": "01" * 8}), (7, {"span_id": "01" * 8})],
    ids=["hexadecimal", "no-id", "number"],
)
def test_ids_of_json_are_hexadecimal(
    post: Callable[..., Any], now_ms: int, trace_id: Any, expected: dict[str, str]
) -> None:
    told = {"asDouble": 1.5, "traceId": trace_id, "spanId": "01" * 8}
    sold = {"asInt": "1", "timeUnixNano": f"{now_ms}000000", "exemplars": [told]}
    sales = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [sold]}
    metrics = [{"name": "sales", "sum": sales}]

    answer = post(
        json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode(),
        content_type="application/json",
    )

    assert answer.status_code == 200
    assert stored_exemplars() == {"sales_total": [(expected, 1.5, now_ms)]}
