"""What becomes of each kind of metric: its series, their labels and samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from observability.metrics.instruments import SAMPLES_REFUSED
from observability.metrics.models import Metric as MetricRow
from observability.promql.staleness import is_stale
from tests.metrics.ingest.stored_samples import stored_samples

from .conftest import Send
from .messages import (
    DELTA,
    SHOP,
    Attributes,
    buckets,
    counter,
    gauge,
    histogram,
    point,
    summary,
)

MANY: dict[str, Any] = {f"l{n}": "x" for n in range(99)}
NO_VALUE = DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


def value_of(series: str) -> float:
    """The value of the only sample of a series."""
    [(_, value)] = stored_samples()[series]
    return value


def test_a_gauge_is_stored_with_job_and_instance(send: Send, now_ms: int) -> None:
    attributes: dict[str, Any] = {"room.name": "north"}
    measured = point(36.5, now_ms, **attributes)

    assert send(gauge("room.temperature", measured, unit="Cel")) is None

    series = 'room_temperature_celsius{instance="a1",job="shop",room_name="north"}'
    assert stored_samples() == {series: [(now_ms, 36.5)]}


@pytest.mark.parametrize(
    ("resource", "labels"),
    [
        ({}, "{}"),
        ({"service.name": "shop"}, '{job="shop"}'),
        ({"service.name": "shop", "service.namespace": "eu"}, '{job="eu/shop"}'),
        ({"service.namespace": "eu"}, "{}"),
        ({"service.instance.id": 7}, '{instance="7"}'),
    ],
)
def test_job_and_instance_come_from_the_resource(
    send: Send, now_ms: int, resource: Attributes, labels: str
) -> None:
    send(gauge("a", point(1, now_ms)), resource=resource)

    assert list(stored_samples()) == [f"a{labels}"]


def test_the_resource_wins_over_attributes_of_the_same_name(send: Send, now_ms: int) -> None:
    send(gauge("a", point(1, now_ms, job="x", instance="y", le="z")))

    assert list(stored_samples()) == ['a{instance="a1",job="shop",le="z"}']


def test_other_attributes_of_the_resource_are_in_target_info(send: Send, now_ms: int) -> None:
    resource = SHOP | {"host.name": "h1", "process.command_line": "ü" * 5000}

    assert send(gauge("a", point(1, now_ms), point(2, now_ms - 160_000)), resource=resource) is None

    [info] = [name for name in stored_samples() if name.startswith("target_info")]
    assert info.startswith('target_info{host_name="h1",instance="a1",job="shop",')
    assert stored_samples()[info] == [(now_ms, 1.0), (now_ms - 150_000, 1.0)]
    assert MetricRow.objects.get(name="target_info").type == "gauge"


def test_a_resource_without_identity_has_no_target_info(send: Send, now_ms: int) -> None:
    send(gauge("a", point(1, now_ms)), resource={"host.name": "h1"})

    assert list(stored_samples()) == ["a{}"]


def test_target_info_does_not_grow_without_bound(send: Send, now_ms: int) -> None:
    month_ms = 29 * 86_400_000

    send(gauge("a", point(1, now_ms), point(1, now_ms - month_ms)), resource=SHOP | {"x": "y"})

    assert sorted(len(samples) for samples in stored_samples().values()) == [2, 24]


def test_a_cumulative_counter_is_stored_as_it_is(send: Send, now_ms: int) -> None:
    points = [point(10 + n, now_ms + n, start_ms=now_ms - 1000) for n in range(2)]

    send(counter("http.requests", *points, unit="{request}"), resource={})

    assert stored_samples() == {"http_requests_total{}": [(now_ms, 10.0), (now_ms + 1, 11.0)]}


def test_a_sum_that_may_fall_is_a_gauge(send: Send, now_ms: int) -> None:
    send(counter("queue.length", point(-3, now_ms), is_monotonic=False, unit="1"), resource={})

    assert value_of("queue_length{}") == -3
    assert MetricRow.objects.get(name="queue_length").type == "gauge"


def test_a_histogram_becomes_cumulative_buckets(send: Send, now_ms: int) -> None:
    send(
        histogram("rtt", buckets([1, 2, 4], [0.25, 10], now_ms, total=8.5), unit="ms"), resource={}
    )

    assert stored_samples() == {
        "rtt_milliseconds_count{}": [(now_ms, 7.0)],
        'rtt_milliseconds_bucket{le="0.25"}': [(now_ms, 1.0)],
        'rtt_milliseconds_bucket{le="10"}': [(now_ms, 3.0)],
        'rtt_milliseconds_bucket{le="+Inf"}': [(now_ms, 7.0)],
        "rtt_milliseconds_sum{}": [(now_ms, 8.5)],
    }
    assert MetricRow.objects.get(name="rtt_milliseconds_bucket").type == "histogram"


def test_a_histogram_may_have_neither_buckets_nor_a_sum(send: Send, now_ms: int) -> None:
    send(histogram("rtt", buckets([], [], now_ms, count=7)), resource={})

    assert stored_samples() == {
        "rtt_count{}": [(now_ms, 7.0)],
        'rtt_bucket{le="+Inf"}': [(now_ms, 7.0)],
    }


def test_a_summary_becomes_quantiles(send: Send, now_ms: int) -> None:
    send(summary("rtt", now_ms, count=4, total=2.5, quantiles={0.5: 1.0, 1: 2.0}), resource={})

    assert stored_samples() == {
        "rtt_count{}": [(now_ms, 4.0)],
        "rtt_sum{}": [(now_ms, 2.5)],
        'rtt{quantile="0.5"}': [(now_ms, 1.0)],
        'rtt{quantile="1"}': [(now_ms, 2.0)],
    }


@pytest.mark.parametrize(
    "metric",
    [
        lambda at: gauge("a", point(1, at, flags=NO_VALUE)),
        lambda at: counter("a", point(1, at, flags=NO_VALUE)),
        lambda at: counter("a", point(1, at, flags=NO_VALUE), temporality=DELTA),
        lambda at: histogram("a", buckets([], [], at, flags=NO_VALUE)),
        lambda at: histogram("a", buckets([], [1, 2], at, total=0, flags=NO_VALUE)),
        lambda at: histogram("a", buckets([1, 2], [1], at, flags=NO_VALUE), temporality=DELTA),
    ],
    ids=["gauge", "counter", "delta", "histogram", "histogram with bounds", "delta histogram"],
)
def test_a_point_without_a_recorded_value_is_a_stale_marker(
    send: Send, now_ms: int, metric: Any
) -> None:
    assert send(metric(now_ms), resource={}) is None

    values = [value for [(_, value)] in stored_samples().values()]
    assert values
    assert is_stale(np.array(values)).all()


def test_what_is_said_about_a_metric_is_kept(send: Send, now_ms: int) -> None:
    send(counter("b.sent", point(1, now_ms), unit="By/s", description="Sent \x00bytes"))

    row = MetricRow.objects.get(name="b_sent_bytes_per_second_total")
    assert (row.type, row.help, row.unit) == ("counter", "Sent bytes", "bytes_per_second")


def test_exponential_histograms_are_refused_by_name(send: Send, now_ms: int) -> None:
    refused = SAMPLES_REFUSED.labels(protocol="otlp")
    before = refused._value.get()
    metrics = [
        Metric(
            name=name,
            exponential_histogram=ExponentialHistogram(
                data_points=[ExponentialHistogramDataPoint(count=1)] * 2
            ),
        )
        for name in ("rtt.exp", "size.exp")
    ]

    told = send(*metrics, gauge("a", point(1, now_ms)), resource={})

    assert told.rejected_data_points == 4
    assert told.error_message == (
        "4 of rtt.exp, size.exp: exponential histograms are not supported;"
        " send them with explicit buckets"
    )
    assert list(stored_samples()) == ["a{}"]
    assert refused._value.get() == before + 4


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (lambda at: gauge("a", NumberDataPoint(time_unix_nano=at)), "no value"),
        (lambda at: gauge("@#", point(1, at)), "a letter or a digit"),
        (lambda at: gauge("a" * 300, point(1, at)), "256 characters"),
        (lambda at: gauge("a", point(1, at, ようこそ="x")), "letter or digit"),
        (lambda at: gauge("a", point(1, at, x="y" * 5000)), "2048 bytes"),
        (lambda at: gauge("a", point(1, at, **MANY)), "labels"),
        (lambda at: gauge("a", point(1, 0)), "older than"),
        (lambda at: gauge("a", point(1, at + 3_600_000)), "in the future"),
        (lambda at: counter("a", point(1, at), temporality=0), "temporality"),
        (lambda at: counter("a", point(1, at), temporality=7), "temporality"),
        (lambda at: counter("a", point(-1, at), temporality=DELTA), "negative"),
        (lambda at: counter("a", point(math.nan, at), temporality=DELTA), "finite"),
        (lambda at: histogram("a", buckets([1], [], at), temporality=0), "temporality"),
        (lambda at: histogram("a", buckets([1, 2], [1, 2], at)), "one bucket count more"),
        (lambda at: histogram("a", buckets([1, 2], [], at)), "one bucket count more"),
        (lambda at: histogram("a", buckets([], [1], at)), "one bucket count more"),
        (lambda at: histogram("a", buckets([1, 2], [1], at, count=4)), "add up"),
        (lambda at: histogram("a", buckets([1, 2, 3], [2, 1], at)), "rise"),
        (lambda at: histogram("a", buckets([1, 2], [math.nan], at)), "finite"),
        (lambda at: histogram("a", buckets([1, 2], [math.inf], at)), "finite"),
        (
            lambda at: histogram("a", buckets([1], [], at, total=math.inf), temporality=DELTA),
            "finite",
        ),
        (lambda at: summary("a", at, count=1, total=1, quantiles={2: 1}), "from 0 to 1"),
    ],
)
def test_a_data_point_that_cannot_be_taken_is_told(
    send: Send, now_ms: int, metric: Any, reason: str
) -> None:
    told = send(metric(now_ms), gauge("good", point(1, now_ms)), resource={})

    assert told.rejected_data_points == 1
    assert reason in told.error_message
    assert list(stored_samples()) == ["good{}"]


def test_a_histogram_of_which_one_bucket_is_refused_counts_as_one_data_point(
    send: Send, now_ms: int
) -> None:
    named = histogram("h" * 250, buckets([1, 2], [1], now_ms, total=1.0))

    told = send(named, resource={})

    assert told.rejected_data_points == 1
    assert "256 characters" in told.error_message
