"""Builds the bodies that an OpenTelemetry SDK or a Collector sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

CUMULATIVE, DELTA = AGGREGATION_TEMPORALITY_CUMULATIVE, AGGREGATION_TEMPORALITY_DELTA
SHOP = {"service.name": "shop", "service.instance.id": "a1"}

Attributes = Mapping[str, Any]


def any_value(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
        case _:
            return AnyValue(string_value=value)


def key_values(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def request(
    *metrics: Metric, resource: Attributes = SHOP, scope: str = "shop.checkout"
) -> ExportMetricsServiceRequest:
    return ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(
                resource=Resource(attributes=key_values(resource)),
                scope_metrics=[
                    ScopeMetrics(scope=InstrumentationScope(name=scope), metrics=metrics)
                ],
            )
        ]
    )


def point(
    value: float, at_ms: int, *, start_ms: int = 0, flags: int = 0, **attributes: Any
) -> NumberDataPoint:
    return NumberDataPoint(
        time_unix_nano=at_ms * 1_000_000,
        start_time_unix_nano=start_ms * 1_000_000,
        flags=flags,
        attributes=key_values(attributes),
        **{"as_int" if isinstance(value, int) else "as_double": value},  # type: ignore[arg-type]  # one of the two
    )


def gauge(name: str, *points: NumberDataPoint, unit: str = "") -> Metric:
    return Metric(name=name, unit=unit, gauge=Gauge(data_points=points))


def counter(
    name: str,
    *points: NumberDataPoint,
    temporality: int = CUMULATIVE,
    is_monotonic: bool = True,
    unit: str = "",
    description: str = "",
) -> Metric:
    return Metric(
        name=name,
        unit=unit,
        description=description,
        sum=Sum(
            data_points=points,
            aggregation_temporality=temporality,  # type: ignore[arg-type]  # also wrong ones
            is_monotonic=is_monotonic,
        ),
    )


def buckets(
    counts: Sequence[int],
    bounds: Sequence[float],
    at_ms: int,
    *,
    count: int | None = None,
    total: float | None = None,
    start_ms: int = 0,
    flags: int = 0,
    **attributes: Any,
) -> HistogramDataPoint:
    return HistogramDataPoint(
        bucket_counts=counts,
        explicit_bounds=bounds,
        count=sum(counts) if count is None else count,
        sum=total,
        time_unix_nano=at_ms * 1_000_000,
        start_time_unix_nano=start_ms * 1_000_000,
        flags=flags,
        attributes=key_values(attributes),
    )


def histogram(
    name: str, *points: HistogramDataPoint, temporality: int = CUMULATIVE, unit: str = ""
) -> Metric:
    return Metric(
        name=name,
        unit=unit,
        histogram=Histogram(
            data_points=points,
            aggregation_temporality=temporality,  # type: ignore[arg-type]  # also wrong ones
        ),
    )


def summary(
    name: str, at_ms: int, *, count: int, total: float, quantiles: Mapping[float, float]
) -> Metric:
    return Metric(
        name=name,
        summary=Summary(
            data_points=[
                SummaryDataPoint(
                    time_unix_nano=at_ms * 1_000_000,
                    count=count,
                    sum=total,
                    quantile_values=[
                        SummaryDataPoint.ValueAtQuantile(quantile=quantile, value=value)
                        for quantile, value in quantiles.items()
                    ],
                )
            ]
        ),
    )
