"""An OTLP request as samples: each data point one, histograms and summaries one a bucket or quantile.

Source: opentelemetry-proto, metrics/v1/metrics.proto; what becomes of each kind is what
Prometheus makes of it (storage/remote/otlptranslator/prometheusremotewrite).
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from observability.metrics.errors import BodyTooLargeError
from observability.metrics.exemplars import Exemplar
from observability.metrics.ingest.otlp.attributes import number_text
from observability.metrics.ingest.otlp.exemplars import exemplars_of
from observability.metrics.ingest.otlp.names import can_be_named, metric_name, unit_name
from observability.metrics.ingest.otlp.refusals import Refusals
from observability.metrics.ingest.otlp.resource import TARGET_INFO, Resource, resource_of
from observability.metrics.ingest.otlp.series_keys import Family, SeriesKeys
from observability.metrics.samples import Metadata, MetricType
from observability.promql.staleness import STALE_NAN

# Bounds the memory of histograms with very many buckets.
MAX_SAMPLES = 250_000
_MAX_HELP_LENGTH = 1024
_MAX_UNIT_LENGTH = 64
# `target_info` is repeated so often within a body that instant queries find it: half their look-back.
_INFO_INTERVAL_NANOS = 150_000_000_000
_MAX_INFOS = 24

_NO_VALUE = otlp.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

# What does not belong to the identity of a data point's series.
_NOT_IDENTITY: dict[type[Message], list[str]] = {
    kind: [f.name for f in kind.DESCRIPTOR.fields if f.name != "attributes"]
    for kind in (otlp.NumberDataPoint, otlp.HistogramDataPoint, otlp.SummaryDataPoint)
}


class Kind(IntEnum):
    """How the values of a data point relate to those before it."""

    VALUE = 1  # not at all, or in a way that does not matter here
    TOTAL = 2  # of a counter since its start
    GROWTH = 3  # of a counter since the point before
    CHANGE = 4  # the same of a sum that may fall


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """The samples of a request.

    Attributes:
        keys: For each sample the key of its series.
        values: float64, for each sample.
        points: int64, for each sample the place of its data point.
        times_ms: int64, for each data point; those of `target_info` are the last.
        starts_ms: int64, for each data point: when its counting began, 0 when nobody knows.
        kinds: int64, for each data point.
        names: For each data point the sender's name of its metric.
        data_point_count: How many are the sender's.
        series_keys: Knows the labels of the keys.
        metadata: What is said about metrics, by metric name.
        exemplars: By the place of the sample to whose series they belong.
        refusals: The data points that are not among these.
    """

    keys: Sequence[bytes]
    values: NDArray[np.float64]
    points: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    starts_ms: NDArray[np.int64]
    kinds: NDArray[np.int64]
    names: Sequence[str]
    data_point_count: int
    series_keys: SeriesKeys
    metadata: dict[str, Metadata]
    exemplars: dict[int, list[Exemplar]]
    refusals: Refusals


def translate(request: ExportMetricsServiceRequest) -> Translation:
    """Return the samples of a request, which is used up by that.

    Raises:
        BodyTooLargeError: There are more than MAX_SAMPLES.
    """
    translator = _Translator()
    for resource_metrics in request.resource_metrics:
        resource = resource_of(resource_metrics.resource)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                translator.add(metric, resource)
        translator.end_resource(resource)
    return translator.finish()


class _Point(NamedTuple):
    """A data point: how many samples it has, its time and start in nanoseconds, its metric's name."""

    size: int
    time: int
    start: int
    kind: Kind
    metric: str


class _Translator:
    """Gathers the samples of a request, metric by metric."""

    def __init__(self) -> None:
        self._series_keys = SeriesKeys()
        self._metadata: dict[str, Metadata] = {}
        self._refusals = Refusals()
        # By the place of their sample.
        self._exemplars: dict[int, list[Exemplar]] = {}
        # One entry a sample.
        self._keys: list[bytes] = []
        self._values = array("d")
        # One entry a data point.
        self._points: list[_Point] = []
        # The sender's name of the present metric.
        self._name = ""
        # Where the data points of the present resource begin.
        self._resource_start = 0
        # Resource, and the earliest and latest time of its data points in nanoseconds.
        self._infos: list[tuple[Resource, int, int]] = []

    def add(self, metric: otlp.Metric, resource: Resource) -> None:
        """Take the data points of a metric."""
        data = metric.WhichOneof("data")
        if data is None:
            return
        self._name = metric.name
        if not can_be_named(self._name):
            self._refuse(
                "the name of a metric must have a letter or a digit",
                len(getattr(metric, data).data_points),
            )
            return
        match data:
            case "gauge":
                self._add_numbers(metric, metric.gauge.data_points, resource, Kind.VALUE)
            case "sum" if kind := _kind_of_sum(metric.sum):
                self._add_numbers(metric, metric.sum.data_points, resource, kind)
            case "histogram" if kind := _kind_of_histogram(metric.histogram):
                self._add_histograms(metric, resource, kind)
            case "summary":
                self._add_summaries(metric, resource)
            case "sum" | "histogram":
                self._refuse(
                    "the aggregation temporality must be cumulative (2) or delta (1)",
                    len(getattr(metric, data).data_points),
                )
            case "exponential_histogram":
                self._refuse(
                    "exponential histograms are not supported; send them with explicit buckets",
                    len(metric.exponential_histogram.data_points),
                )

    def end_resource(self, resource: Resource) -> None:
        """Note that no more data points of this resource come."""
        times = [point.time for point in self._points[self._resource_start :]]
        self._resource_start = len(self._points)
        if times and resource.description:
            self._infos.append((resource, min(times), max(times)))

    def finish(self) -> Translation:
        """Return what was gathered."""
        data_point_count = len(self._points)
        for resource, earliest, latest in self._infos:
            self._add_info(resource, earliest, latest)
        points = self._points
        return Translation(
            keys=self._keys,
            values=np.array(self._values, np.float64),
            points=np.repeat(np.arange(len(points)), [point.size for point in points]),
            times_ms=_milliseconds([point.time for point in points]),
            starts_ms=_milliseconds([point.start for point in points]),
            kinds=np.array([point.kind for point in points], np.int64),
            names=[point.metric for point in points],
            data_point_count=data_point_count,
            series_keys=self._series_keys,
            metadata=self._metadata,
            exemplars=self._exemplars,
            refusals=self._refusals,
        )

    def _add_numbers(
        self,
        metric: otlp.Metric,
        points: Iterable[otlp.NumberDataPoint],
        resource: Resource,
        kind: Kind,
    ) -> None:
        is_counter = kind in (Kind.TOTAL, Kind.GROWTH)
        name = self._family_name(
            metric,
            MetricType.COUNTER if is_counter else MetricType.GAUGE,
            is_counter=is_counter,
            is_gauge=metric.HasField("gauge"),
        )
        families = [self._series_keys.of_family(Family(name=name, resource=resource))]
        is_delta = kind in (Kind.GROWTH, Kind.CHANGE)
        for point in points:
            match point.WhichOneof("value"):
                case "as_double":
                    value = point.as_double
                case "as_int":
                    value = float(point.as_int)
                case _ if point.flags & _NO_VALUE:
                    value = STALE_NAN
                case _:
                    self._refuse("a data point has no value")
                    continue
            if is_delta and (fault := _growth_fault(value, kind)) and not point.flags & _NO_VALUE:
                self._refuse(fault)
                continue
            if point.exemplars:
                self._exemplars[len(self._keys)] = exemplars_of(point)
            self._append(point, families, [value], kind)

    def _add_histograms(self, metric: otlp.Metric, resource: Resource, kind: Kind) -> None:
        name = self._family_name(metric, MetricType.HISTOGRAM)
        # By the bounds, which are the same for all points of a usual metric.
        layouts: dict[tuple[float, ...], list[bytes]] = {}
        for point in metric.histogram.data_points:
            bounds, counts = tuple(point.explicit_bounds), list(point.bucket_counts)
            if fault := _histogram_fault(point, bounds, counts, kind):
                self._refuse(fault)
                continue
            self._check_room(len(bounds))
            if bounds not in layouts:
                bucket = f"{name}_bucket"
                layouts[bounds] = [
                    self._series_keys.of_family(Family(name=f"{name}_count", resource=resource)),
                    *self._families_by(bucket, resource, "le", (*bounds, math.inf)),
                    self._series_keys.of_family(Family(name=f"{name}_sum", resource=resource)),
                ]
            values: list[float] = [point.count, *accumulate(counts[:-1]), point.count]
            if point.flags & _NO_VALUE:
                values = [STALE_NAN] * (len(bounds) + 2)
            families = layouts[bounds]
            if point.HasField("sum"):
                values.append(point.sum)
            else:
                families = families[:-1]
            for exemplar in exemplars_of(point):
                # After the count come the buckets.
                place = len(self._keys) + 1 + bisect_left(bounds, exemplar.value)
                self._exemplars.setdefault(place, []).append(exemplar)
            self._append(point, families, values, kind)

    def _add_summaries(self, metric: otlp.Metric, resource: Resource) -> None:
        name = self._family_name(metric, MetricType.SUMMARY)
        layouts: dict[tuple[float, ...], list[bytes]] = {}
        for point in metric.summary.data_points:
            quantiles = tuple(at.quantile for at in point.quantile_values)
            if not all(0 <= quantile <= 1 for quantile in quantiles):
                self._refuse("a quantile must be from 0 to 1")
                continue
            self._check_room(len(quantiles))
            if quantiles not in layouts:
                layouts[quantiles] = [
                    self._series_keys.of_family(Family(name=f"{name}_count", resource=resource)),
                    self._series_keys.of_family(Family(name=f"{name}_sum", resource=resource)),
                    *self._families_by(name, resource, "quantile", quantiles),
                ]
            values = [point.count, point.sum, *(at.value for at in point.quantile_values)]
            self._append(point, layouts[quantiles], values, Kind.VALUE)

    def _families_by(
        self, name: str, resource: Resource, label: str, values: Iterable[float]
    ) -> list[bytes]:
        """Return the halves of keys for each value of a label that divides a metric."""
        return [
            self._series_keys.of_family(
                Family(name=name, resource=resource, label=label, value=_number_text(value))
            )
            for value in values
        ]

    def _append(
        self,
        point: otlp.NumberDataPoint | otlp.HistogramDataPoint | otlp.SummaryDataPoint,
        families: Sequence[bytes],
        values: Sequence[float],
        kind: Kind,
    ) -> None:
        """Add a data point, of which only the attributes are left then."""
        self._check_room(len(values))
        if point.flags & _NO_VALUE:
            values, kind = [STALE_NAN] * len(values), Kind.VALUE
        self._points.append(
            _Point(len(values), point.time_unix_nano, point.start_time_unix_nano, kind, self._name)
        )
        self._values.extend(values)
        attributes = self._series_keys.of_attributes(_left_with_attributes(point))
        self._keys.extend([family + attributes for family in families])

    def _add_info(self, resource: Resource, earliest: int, latest: int) -> None:
        family = self._series_keys.of_family(Family(name=TARGET_INFO, resource=resource))
        key = family + self._series_keys.of_attributes(resource.description)
        self._metadata[TARGET_INFO] = Metadata(type=MetricType.GAUGE, help="Target metadata")
        for time in range(latest, earliest - 1, -_INFO_INTERVAL_NANOS)[:_MAX_INFOS]:
            self._points.append(_Point(1, time, 0, Kind.VALUE, TARGET_INFO))
            self._values.append(1.0)
            self._keys.append(key)

    def _family_name(self, metric: otlp.Metric, kind: MetricType, **endings: bool) -> str:
        """Return the metric's name as Prometheus has it, and note what is said about the metric."""
        name = metric_name(metric.name, metric.unit, **endings)
        self._metadata[name] = Metadata(
            type=kind,
            help=metric.description[:_MAX_HELP_LENGTH].replace("\x00", ""),
            unit=unit_name(metric.unit)[:_MAX_UNIT_LENGTH],
        )
        return name

    def _refuse(self, reason: str, points: int = 1) -> None:
        if points:
            self._refusals.add(reason, self._name, points)

    def _check_room(self, more: int) -> None:
        if len(self._keys) + more > MAX_SAMPLES:
            raise BodyTooLargeError(MAX_SAMPLES, what="samples")


def _left_with_attributes(point: Message) -> bytes:
    """Take all but the attributes out of a data point, and return what is left."""
    for field in _NOT_IDENTITY[type(point)]:
        point.ClearField(field)
    return point.SerializeToString()


def _kind_of_sum(sum_: otlp.Sum) -> Kind | None:
    match sum_.aggregation_temporality, sum_.is_monotonic:
        case otlp.AGGREGATION_TEMPORALITY_CUMULATIVE, True:
            return Kind.TOTAL
        case otlp.AGGREGATION_TEMPORALITY_CUMULATIVE, _:
            return Kind.VALUE
        case otlp.AGGREGATION_TEMPORALITY_DELTA, True:
            return Kind.GROWTH
        case otlp.AGGREGATION_TEMPORALITY_DELTA, _:
            return Kind.CHANGE
        case _:
            return None


def _kind_of_histogram(histogram: otlp.Histogram) -> Kind | None:
    match histogram.aggregation_temporality:
        case otlp.AGGREGATION_TEMPORALITY_CUMULATIVE:
            return Kind.TOTAL
        case otlp.AGGREGATION_TEMPORALITY_DELTA:
            return Kind.GROWTH
        case _:
            return None


def _growth_fault(value: float, kind: Kind) -> str:
    """Return what is wrong with a delta, '' when nothing is."""
    if not math.isfinite(value):
        return "a delta must be a finite number: it is added to a total"
    if kind is Kind.GROWTH and value < 0:
        return "a delta of a monotonic sum must not be negative"
    return ""


def _histogram_fault(
    point: otlp.HistogramDataPoint, bounds: Sequence[float], counts: Sequence[int], kind: Kind
) -> str:
    """Return what is wrong with a histogram, '' when nothing is."""
    if not all(map(math.isfinite, bounds)) or any(low >= high for low, high in pairwise(bounds)):
        return "the bounds of a histogram must be finite numbers that rise"
    if point.flags & _NO_VALUE:
        return ""
    if len(counts) != len(bounds) + 1 and (counts or bounds):
        return "a histogram must have one bucket count more than bounds, or neither"
    if counts and sum(counts) != point.count:
        return "the bucket counts of a histogram must add up to its count"
    if kind is Kind.GROWTH and not math.isfinite(point.sum):
        return "a delta must be a finite number: it is added to a total"
    return ""


def _milliseconds(nanoseconds: Sequence[int]) -> NDArray[np.int64]:
    milliseconds = np.array(nanoseconds, np.uint64) // np.uint64(1_000_000)
    return milliseconds.astype(np.int64)


@lru_cache(maxsize=10_000)
def _number_text(number: float) -> str:
    return number_text(number)
