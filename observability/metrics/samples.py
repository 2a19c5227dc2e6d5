"""Samples on their way into the store: what every ingest protocol decodes into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from observability.promql.labels import LabelSet


class MetricType(StrEnum):
    """What the values of a metric mean; the words of Prometheus's metadata API."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a sender says about a metric; empty fields say nothing."""

    type: MetricType = MetricType.UNKNOWN
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBatch:
    """Samples that are stored together or not at all.

    Attributes:
        label_sets: The series of the batch, metric name included as `__name__`.
        series: int64, for each sample the position of its series in `label_sets`.
        timestamps_ms: int64, for each sample milliseconds since the epoch.
        values: float64, for each sample; NaN payloads are kept bit for bit.
        metadata: What is known about metrics, by metric name.
    """

    label_sets: Sequence[LabelSet]
    series: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    metadata: Mapping[str, Metadata] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)


def batch_at(
    timestamp_ms: int,
    samples: Sequence[tuple[LabelSet, float]],
    *,
    metadata: Mapping[str, Metadata] | None = None,
) -> SampleBatch:
    """Return a batch that holds one sample for each of several series, all of one time."""
    return SampleBatch(
        label_sets=[labels for labels, _ in samples],
        series=np.arange(len(samples), dtype=np.int64),
        timestamps_ms=np.full(len(samples), timestamp_ms, dtype=np.int64),
        values=np.array([value for _, value in samples], dtype=np.float64),
        metadata=metadata or {},
    )
