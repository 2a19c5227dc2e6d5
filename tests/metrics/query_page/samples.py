"""Samples of metrics that the query page is asked about."""

from __future__ import annotations

import time

from observability.metrics.backend import get_backend
from observability.metrics.samples import Metadata, MetricType, batch_at
from observability.promql.labels import label_set

PAGE = "/admin/metrics/query/"


def record(name: str, series: int = 1) -> None:
    samples = [
        (label_set({"__name__": name, "host": f"h{n:03}", "job": "rigs"}), float(n))
        for n in range(series)
    ]
    metadata = {name: Metadata(type=MetricType.GAUGE, help="Load of the rig.")}
    get_backend().append(batch_at(int(time.time() * 1000), samples, metadata=metadata))
