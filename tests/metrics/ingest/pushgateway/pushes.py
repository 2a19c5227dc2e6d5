"""Pushes as the tests make them, and what is in the store after them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.test import Client

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.models import SampleLog, Series
from observability.metrics.store import log
from observability.promql.staleness import is_stale


def writer(**labels: str) -> dict[str, str]:
    """Return the headers of a key that may write; its labels are added to what it writes."""
    _, token = create_key(name="pusher", scopes=[Scope.METRICS_WRITE], labels=labels)
    return {"Authorization": f"Bearer {token}"}


def push(
    client: Client,
    method: str,
    path: str,
    body: str | bytes = "",
    *,
    headers: dict[str, str],
    content_type: str = "text/plain; version=0.0.4",
) -> Any:
    return client.generic(
        method, f"/metrics/{path}", body, content_type=content_type, headers=headers
    )


def samples() -> dict[str, list[tuple[int, float | str]]]:
    """Return the samples of each series, oldest first; the push times apart, a stale marker as text."""
    found: dict[str, list[tuple[int, float | str]]] = defaultdict(list)
    names = {series.pk: str(series) for series in Series.objects.select_related("metric")}
    for row in SampleLog.objects.order_by("pk"):
        part = log.decode(row.data)
        stale = is_stale(part.values)
        for series_id, at, value, has_ended in zip(
            part.series_ids.tolist(),
            part.timestamps_ms.tolist(),
            part.values.tolist(),
            stale,
            strict=True,
        ):
            found[names[series_id]].append((at, "ended" if has_ended else value))
    return {name: sorted(values, key=lambda v: v[0]) for name, values in found.items()}


def values(name: str = "") -> dict[str, list[float | str]]:
    """Return the values of each series whose name begins so, oldest first; those of push times only then."""
    return {
        series: [value for _, value in found]
        for series, found in samples().items()
        if series.startswith(name or series) and (name or not series.startswith("push_"))
    }
