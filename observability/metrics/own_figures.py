"""The portal's own metrics, read back for its pages, which do without when there is no answer."""

from __future__ import annotations

import time

from observability.metrics.backend import get_backend
from observability.promql import InstantVector, PromQLError
from observability.promql.labels import LabelSet


def values_now(expr: str) -> list[tuple[LabelSet, float]]:
    """Return the samples of an expression now; none when it takes too long."""
    try:
        value = get_backend().query(expr, at_ms=int(time.time() * 1000)).value
    except PromQLError:
        return []
    return list(value.samples()) if isinstance(value, InstantVector) else []
