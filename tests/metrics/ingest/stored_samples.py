"""What the store holds, read from its rows as they are before compaction."""

from __future__ import annotations

from observability.metrics.models import SampleLog, Series
from observability.metrics.store import log

Stored = dict[str, list[tuple[int, float]]]
"""Milliseconds and value of each sample, by the series as PromQL writes it, such as `up{job="a"}`."""


def stored_samples() -> Stored:
    names = {series.pk: str(series) for series in Series.objects.select_related("metric")}
    found: Stored = {}
    for row in SampleLog.objects.order_by("pk"):
        samples = log.decode(row.data)
        for series_id, at, value in zip(
            samples.series_ids.tolist(),
            samples.timestamps_ms.tolist(),
            samples.values.tolist(),
            strict=True,
        ):
            found.setdefault(names[series_id], []).append((at, value))
    return found
