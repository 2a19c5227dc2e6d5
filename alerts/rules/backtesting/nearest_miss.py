"""How near an expression came to its threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.rules.thresholds import NumericThreshold
from observability.promql import Matrix
from observability.promql.labels import LabelSet


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestMiss:
    """The value that came nearest to a threshold without crossing it.

    Attributes:
        value: The value.
        distance: How far from the threshold.
        labels: Of its series.
        at_ms: When that was.
    """

    value: float
    distance: float
    labels: LabelSet
    at_ms: int


def nearest_miss(matrix: Matrix, threshold: NumericThreshold) -> NearestMiss | None:
    """Return the value of a matrix that is nearest to a threshold; None where all are NaN."""
    distances = np.abs(matrix.values - threshold.value)
    if not len(distances) or np.isnan(distances).all():
        return None
    place = int(np.nanargmin(distances))
    series = int(np.searchsorted(matrix.offsets, place, side="right")) - 1
    return NearestMiss(
        value=float(matrix.values[place]),
        distance=float(distances[place]),
        labels=matrix.label_sets[series],
        at_ms=int(matrix.timestamps_ms[place]),
    )
