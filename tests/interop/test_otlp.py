"""A real OpenTelemetry SDK exports its metrics to the portal, and PromQL reads them back."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from tests.embedded.portal_process import PortalProcess

KEY = "op_interop0_0123456789abcdefghijABCDEFGHIJ0123456789abc"

pytestmark = pytest.mark.interop


class WatchedExporter(OTLPMetricExporter):
    """The SDK's own exporter, which remembers how its exports ended."""

    results: list[MetricExportResult]

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        result = super().export(metrics_data, timeout_millis, **kwargs)
        self.results = [*getattr(self, "results", []), result]
        return result


class App:
    """A program that is instrumented with the SDK and exports when it is told to."""

    def __init__(
        self, port: int, name: str, *, views: tuple[View, ...] = (), **exporter: Any
    ) -> None:
        self.exporter = WatchedExporter(
            endpoint=f"http://127.0.0.1:{port}/v1/metrics",
            headers={"Authorization": f"Bearer {KEY}"},
            **exporter,
        )
        self._provider = MeterProvider(
            # Not by itself: the tests say when.
            [PeriodicExportingMetricReader(self.exporter, export_interval_millis=3_600_000)],
            resource=Resource(
                {
                    "service.namespace": "eu",
                    "service.name": name,
                    "service.instance.id": "a1",
                    "deployment.environment": "test",
                }
            ),
            shutdown_on_exit=False,
            views=views,
        )
        self.meter: Meter = self._provider.get_meter("shop.checkout")

    def export(self) -> None:
        assert self._provider.force_flush()

    def end(self) -> None:
        self._provider.shutdown()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    process = PortalProcess.start(tmp_path_factory.mktemp("otlp") / "var", BOOTSTRAP_API_KEY=KEY)
    try:
        process.wait_until_it_runs()
        yield process
    finally:
        process.end()


def query(portal: PortalProcess, expr: str) -> dict[str, float]:
    """The values of an instant query, by their labels without those of the resource."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{portal.port}/api/v1/query?{urllib.parse.urlencode({'query': expr})}",
        headers={"Authorization": f"Bearer {KEY}"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        found = json.load(response)["data"]["result"]
    return {
        ",".join(
            f"{n}={v}" for n, v in sorted(s["metric"].items()) if n not in ("job", "instance")
        ): float(s["value"][1])
        for s in found
    }


DELTA = dict.fromkeys([Counter, ObservableCounter, Histogram], AggregationTemporality.DELTA)
CUMULATIVE = dict.fromkeys(DELTA, AggregationTemporality.CUMULATIVE)


@pytest.mark.parametrize(
    ("name", "exporter"),
    [
        ("cumulative", {"preferred_temporality": CUMULATIVE}),
        ("delta", {"preferred_temporality": DELTA}),
        ("gzip", {"preferred_temporality": DELTA, "compression": Compression.Gzip}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_instrument_reads_back(
    portal: PortalProcess, name: str, exporter: dict[str, Any]
) -> None:
    app = App(portal.port, name, **exporter)
    requests = app.meter.create_counter("http.requests", "{request}", "Requests that were served")
    queue = app.meter.create_up_down_counter("queue.length")
    temperature = app.meter.create_gauge("room.temperature", "Cel")
    rtt = app.meter.create_histogram("rtt", "s", explicit_bucket_boundaries_advisory=[0.1, 1, 5])

    for served, change, degrees, took in ((5, 4, 36.5, 0.05), (3, -6, 36.75, 2.0)):
        requests.add(served, {"http.route": "/a"})
        queue.add(change)
        temperature.set(degrees)
        rtt.record(took)
        app.export()
    app.end()

    assert set(app.exporter.results) == {MetricExportResult.SUCCESS}
    of_app = f'job="eu/{name}",instance="a1"'
    expected = {
        f"http_requests_total{{{of_app}}}": {"__name__=http_requests_total,http_route=/a": 8},
        f"queue_length{{{of_app}}}": {"__name__=queue_length": -2},
        f"room_temperature_celsius{{{of_app}}}": {"__name__=room_temperature_celsius": 36.75},
        f"sum by (le) (rtt_seconds_bucket{{{of_app}}})": {
            "le=0.1": 1,
            "le=1": 1,
            "le=5": 2,
            "le=+Inf": 2,
        },
        f"rtt_seconds_count{{{of_app}}}": {"__name__=rtt_seconds_count": 2},
        f"rtt_seconds_sum{{{of_app}}}": {"__name__=rtt_seconds_sum": 2.05},
        f'queue_length{{{of_app}}} * on (job, instance) group_left () target_info{{deployment_environment="test"}}': {
            "": -2
        },
    }
    assert {expr: query(portal, expr) for expr in expected} == expected


def test_an_exponential_histogram_does_not_keep_the_others_out(portal: PortalProcess) -> None:
    view = View(instrument_name="rtt", aggregation=ExponentialBucketHistogramAggregation())
    app = App(portal.port, "exponential", views=(view,))

    app.meter.create_histogram("rtt").record(1)
    app.meter.create_counter("sales").add(1)
    app.export()
    app.end()

    assert set(app.exporter.results) == {MetricExportResult.SUCCESS}
    found = query(portal, '{job="eu/exponential"}')
    assert sorted(name.partition(",")[0] for name in found) == [
        "__name__=sales_total",
        "__name__=target_info",
    ]
