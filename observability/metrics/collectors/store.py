"""What `watch` measures of the metric store, so that its growth can be seen."""

from __future__ import annotations

from django.db import connection

from observability.metrics.instruments import STORE_BYTES, STORE_METRICS, STORE_SERIES
from observability.metrics.store.statistics import disk_bytes


def measure_store() -> None:
    """Measure the size of the store; costs milliseconds, whatever the store holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(series_count), 0), count(*) FROM metrics_metric")
        series, metrics = cursor.fetchone()
    STORE_SERIES.set(int(series))
    STORE_METRICS.set(metrics)
    for part, size in disk_bytes().items():
        STORE_BYTES.labels(part).set(size)
