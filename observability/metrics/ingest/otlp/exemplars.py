"""The exemplars of a data point, with the ids of trace and span as labels.

Source: Prometheus 3, storage/remote/otlptranslator/prometheusremotewrite/helper.go (`getPromExemplars`).
"""

from __future__ import annotations

from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from observability.metrics.exemplars import (
    MAX_LABEL_CHARACTERS,
    Exemplar,
    label_characters,
)
from observability.metrics.ingest.otlp.attributes import text_of


def exemplars_of(point: otlp.NumberDataPoint | otlp.HistogramDataPoint) -> list[Exemplar]:
    """Return the exemplars of a data point; their attributes are left out where they are too long."""
    return [_exemplar(told, point.time_unix_nano) for told in point.exemplars]


def _exemplar(told: otlp.Exemplar, default_nanos: int) -> Exemplar:
    ids = {"trace_id": told.trace_id, "span_id": told.span_id}
    labels = {name: number.hex() for name, number in ids.items() if any(number)}
    attributes = {given.key: text_of(given.value) for given in told.filtered_attributes}
    if label_characters(labels | attributes) <= MAX_LABEL_CHARACTERS:
        labels |= attributes
    return Exemplar(
        labels=labels,
        value=float(told.as_int) if told.WhichOneof("value") == "as_int" else told.as_double,
        timestamp_ms=(told.time_unix_nano or default_nanos) // 1_000_000,
        has_own_time=told.time_unix_nano > 0,
    )
