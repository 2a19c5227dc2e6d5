"""The metric of each series, kept in the process for compaction.

The metric of a series never changes and ids are never used again, so what is kept stays true;
only that a series was deleted is not noticed here, and then samples are kept that nobody finds.
"""

from __future__ import annotations

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store.columns import places_of

# Stands for the metric of a series that is not there; ids begin at 1.
NO_METRIC = 0
# 16 bytes each; a process that has seen more starts anew.
_MAX_KEPT = 4_000_000

_kept: tuple[NDArray[np.int64], NDArray[np.int64]] = (np.empty(0, np.int64), np.empty(0, np.int64))


def metric_ids(series_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the metric of each series (ascending ids), `NO_METRIC` for those that were deleted."""
    global _kept  # noqa: PLW0603 (a cache of the process)
    kept_ids, kept_metrics = _kept
    metrics = np.full(len(series_ids), NO_METRIC, np.int64)
    places = places_of(kept_ids, series_ids)
    metrics[np.searchsorted(series_ids, kept_ids[places])] = kept_metrics[places]
    unknown = series_ids[metrics == NO_METRIC]
    if not len(unknown):
        return metrics
    found_ids, found_metrics = _select(unknown)
    metrics[np.searchsorted(series_ids, found_ids)] = found_metrics
    if len(kept_ids) + len(found_ids) > _MAX_KEPT:
        kept_ids, kept_metrics = kept_ids[:0], kept_metrics[:0]
    ids = np.concatenate([kept_ids, found_ids])
    order = np.argsort(ids)
    _kept = ids[order], np.concatenate([kept_metrics, found_metrics])[order]
    return metrics


def _select(series_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, metric_id FROM metrics_series WHERE id = ANY(%s)", [series_ids.tolist()]
        )
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]
