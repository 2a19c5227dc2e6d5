"""The metric of each series, kept in the process for compaction.

The metric of a series never changes and ids are never used again, so what is kept stays true
until series are deleted, which the catalogue's epoch tells.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store.columns import places_of

# Stands for the metric of a series that is not there; ids begin at 1.
NO_METRIC = 0
# 16 bytes each; a process that has seen more starts anew.
_MAX_KEPT = 4_000_000


class _Kept(NamedTuple):
    """Series, ascending, with their metrics, as they were in an epoch of the catalogue."""

    epoch: int
    series_ids: NDArray[np.int64]
    metric_ids: NDArray[np.int64]


_NOTHING = np.empty(0, np.int64)
_kept = _Kept(0, _NOTHING, _NOTHING)


def metric_ids(series_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the metric of each series (ascending ids), `NO_METRIC` for those that were deleted."""
    global _kept  # noqa: PLW0603 (a cache of the process)
    # Read before the series are: what is kept under an epoch is at least as new.
    epoch = _current_epoch()
    kept = _kept
    if kept.epoch != epoch:
        kept = _Kept(epoch, _NOTHING, _NOTHING)
    metrics = np.full(len(series_ids), NO_METRIC, np.int64)
    places = places_of(kept.series_ids, series_ids)
    metrics[np.searchsorted(series_ids, kept.series_ids[places])] = kept.metric_ids[places]
    unknown = series_ids[metrics == NO_METRIC]
    if not len(unknown):
        return metrics
    found_ids, found_metrics = _select(unknown)
    metrics[np.searchsorted(series_ids, found_ids)] = found_metrics
    if len(kept.series_ids) + len(found_ids) > _MAX_KEPT:
        kept = _Kept(epoch, _NOTHING, _NOTHING)
    ids = np.concatenate([kept.series_ids, found_ids])
    order = np.argsort(ids)
    _kept = _Kept(epoch, ids[order], np.concatenate([kept.metric_ids, found_metrics])[order])
    return metrics


def _current_epoch() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce((SELECT number FROM metrics_catalogueepoch), 0)")
        (number,) = cursor.fetchone()
    return int(number)


def _select(series_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, metric_id FROM metrics_series WHERE id = ANY(%s)", [series_ids.tolist()]
        )
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]
