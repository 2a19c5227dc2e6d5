"""Range query results cut in time, and put together again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from observability.promql import Matrix
from observability.promql.labels import LabelSet

EMPTY = Matrix([], np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))


def cut(matrix: Matrix, start_ms: int, end_ms: int) -> Matrix:
    """Return what lies between two times, both included; series without samples there are left out."""
    times = matrix.timestamps_ms
    is_inside = (times >= start_ms) & (times <= end_ms)
    if is_inside.all():
        return matrix
    inside_before = np.append(0, np.cumsum(is_inside))
    offsets = inside_before[matrix.offsets]
    rows = np.flatnonzero(np.diff(offsets))
    return Matrix(
        [matrix.label_sets[row] for row in rows.tolist()],
        np.append(offsets[rows], offsets[-1]),
        times[is_inside],
        matrix.values[is_inside],
    )


def join(parts: Sequence[Matrix]) -> Matrix:
    """Return results of stretches of time that follow each other, oldest first, as one."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return EMPTY
    if len(parts) == 1:
        return parts[0]
    label_sets = sorted({labels for part in parts for labels in part.label_sets})
    row_of: dict[LabelSet, int] = {labels: row for row, labels in enumerate(label_sets)}
    # Parts x series: how many samples there are, and where in the result the first of them goes.
    counts = np.zeros((len(parts), len(label_sets)), np.int64)
    rows_of = [np.array([row_of[labels] for labels in part.label_sets]) for part in parts]
    for part, rows, count in zip(parts, rows_of, counts, strict=True):
        count[rows] = np.diff(part.offsets)
    offsets = np.append(0, np.cumsum(counts.sum(axis=0)))
    starts = offsets[:-1] + np.cumsum(counts, axis=0) - counts
    times = np.empty(int(offsets[-1]), np.int64)
    values = np.empty(int(offsets[-1]))
    for part, rows, start in zip(parts, rows_of, starts, strict=True):
        shift = np.repeat(start[rows] - part.offsets[:-1], np.diff(part.offsets))
        places = shift + np.arange(len(part.values))
        times[places] = part.timestamps_ms
        values[places] = part.values
    return Matrix(label_sets, offsets, times, values)
