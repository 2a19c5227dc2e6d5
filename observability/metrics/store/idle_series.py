"""Collection of idle series: those of which no sample is left anywhere leave the catalogue.

A process may write to such a series from its memory at this very moment. So it takes two
transactions. The first marks the series as retiring and advances the catalogue's epoch: from
then on nobody writes to them without looking them up, and looking one up ends its retirement.
When the writes that began before are over, the series that have got samples stay, and the
second transaction deletes those that are still retiring since the same epoch. A run that
dies leaves series that are retiring, which does no harm; the next run begins with them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import structlog
from django.db import connection, transaction
from numpy.typing import NDArray

from observability.metrics.store import catalogue, log, withdrawal
from observability.metrics.store.paging import decode_directory
from observability.metrics.store.rollups import table
from observability.metrics.store.windows import DAY_MS

# Younger ones may belong to a sender that has only just begun.
MIN_AGE = timedelta(days=1)
# Bounds the memory of a run, and how often all processes forget the ids that they know.
_SERIES_PER_ROUND = 50_000
_SECONDS_BETWEEN_LOOKS = 0.1
# What a run that is over its time allows the series that it has just marked.
_SECONDS_TO_END = 5.0
_END_OF_TIME_MS = 2**61

_log = structlog.get_logger(__name__)

Ids = NDArray[np.int64]
_NOTHING: Ids = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Collected:
    """How many series a run has deleted, and the metric after which the next goes on, None at the end."""

    deleted: int
    after_metric_id: int | None


def collect(*, now: datetime, seconds: float, after_metric_id: int = 0) -> Collected:
    """Delete idle series, metric by metric, until all are done or time is up."""
    deadline = time.monotonic() + seconds
    deleted = sum(_end_retirement(epoch, deadline) for epoch in _epochs_of_retiring())
    found: dict[int, Ids] = {}
    goes_on_after: int | None = None
    for metric_id, ids in _idle(created_before=now - MIN_AGE, after_metric_id=after_metric_id):
        found[metric_id] = np.append(found.get(metric_id, _NOTHING), ids)
        if sum(map(len, found.values())) >= _SERIES_PER_ROUND:
            deleted += _end_retirement(_retire(found), deadline)
            found = {}
        if time.monotonic() > deadline:
            # Of a metric with very many series, some may have to wait for the next night.
            goes_on_after = metric_id
            break
    if any(map(len, found.values())):
        deleted += _end_retirement(_retire(found), deadline + _SECONDS_TO_END)
    if deleted:
        _log.info("idle series deleted", series=deleted)
    return Collected(deleted, goes_on_after)


def _idle(*, created_before: datetime, after_metric_id: int) -> Iterator[tuple[int, Ids]]:
    """Yield all metrics, in parts, with their series (ascending ids) of which no segment holds samples."""
    metric_id, after_id = after_metric_id + 1, 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT metric.id, series.ids FROM metrics_metric AS metric, LATERAL ("
                "   SELECT array_agg(id ORDER BY id) AS ids FROM ("
                "     SELECT id FROM metrics_series WHERE metric_id = metric.id"
                "     AND id > CASE WHEN metric.id = %(metric)s THEN %(after)s ELSE 0 END"
                "     AND created_at < %(before)s ORDER BY id LIMIT %(limit)s) AS part"
                " ) AS series"
                " WHERE metric.id >= %(metric)s AND ids IS NOT NULL ORDER BY metric.id LIMIT 1",
                {
                    "metric": metric_id,
                    "after": after_id,
                    "before": created_before,
                    "limit": _SERIES_PER_ROUND,
                },
            )
            row = cursor.fetchone()
        if row is None:
            return
        metric_id, after_id = row[0], row[1][-1]
        yield metric_id, _without_samples(metric_id, np.array(row[1], np.int64))


def _without_samples(metric_id: int, ids: Ids) -> Ids:
    """Return those of a metric's series (ascending ids) of which no segment or rollup knows.

    The newest day, where nearly all series are, comes first. Each day is looked at by one
    statement, and no merge moves samples from one day into another. Samples stay in segments until
    they are rolled up.
    """
    before_ms = _END_OF_TIME_MS
    while len(ids):
        day_ms = _last_day(metric_id, ids, before_ms)
        if day_ms is None:
            break
        for series_ids in _series_of_day(metric_id, ids, day_ms):
            ids = np.setdiff1d(ids, series_ids, assume_unique=True)
        before_ms = day_ms
    return table.without_rollups(metric_id, ids)


def _last_day(metric_id: int, ids: Ids, before_ms: int) -> int | None:
    """Return the last day before a time in which segments may hold some of the series."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(window_start_ms) FROM metrics_segment WHERE metric_id = %s"
            " AND window_start_ms < %s AND max_series_id >= %s AND min_series_id <= %s",
            [metric_id, before_ms, int(ids[0]), int(ids[-1])],
        )
        (start_ms,) = cursor.fetchone()
    return None if start_ms is None else start_ms // DAY_MS * DAY_MS


def _series_of_day(metric_id: int, ids: Ids, day_ms: int) -> Iterator[Ids]:
    """Yield the series of each segment of a day that may hold some of these."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT directory FROM metrics_segment WHERE metric_id = %s"
            " AND window_start_ms >= %s AND window_start_ms < %s"
            " AND max_series_id >= %s AND min_series_id <= %s",
            [metric_id, day_ms, day_ms + DAY_MS, int(ids[0]), int(ids[-1])],
        )
        rows = cursor.fetchall()
    for (directory,) in rows:
        yield decode_directory(directory).series_ids


def _retire(found: Mapping[int, Ids]) -> int:
    """Mark series as retiring; return the epoch in which they do, which has begun with it."""
    series_ids = np.concatenate(list(found.values())).tolist()
    with transaction.atomic(), connection.cursor() as cursor:
        # Locked before the epoch's row, as by those who delete series.
        cursor.execute(
            "SELECT FROM metrics_series WHERE id = ANY(%s) ORDER BY fingerprint FOR UPDATE",
            [series_ids],
        )
        catalogue.advance_epoch()
        cursor.execute(
            "UPDATE metrics_series SET retiring_epoch = epoch.number"
            " FROM metrics_catalogueepoch AS epoch WHERE metrics_series.id = ANY(%s)"
            " RETURNING epoch.number",
            [series_ids],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _epochs_of_retiring() -> list[int]:
    """Return the epochs since which series are retiring that a run has left so."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT retiring_epoch FROM metrics_series"
            " WHERE retiring_epoch IS NOT NULL ORDER BY retiring_epoch"
        )
        return [epoch for (epoch,) in cursor.fetchall()]


def _end_retirement(epoch: int, deadline: float) -> int:
    """Delete the series that are retiring since an epoch and have no samples; return how many.

    Those that have some stay. Nothing is done when writes that began before do not end in time.
    """
    waits_for = withdrawal.writers()
    while not withdrawal.are_over(waits_for):
        if time.monotonic() > deadline:
            return 0
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    retiring = _retiring_since(epoch)
    # The log comes before the segments, as that is the way samples go.
    logged = _logged_of(retiring)
    idle = [_NOTHING]
    for metric_id, ids in retiring.items():
        idle.append(_without_samples(metric_id, np.setdiff1d(ids, logged, assume_unique=True)))
    with transaction.atomic():
        deleted = withdrawal.delete_series(np.concatenate(idle).tolist(), retiring_in=epoch)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_series SET retiring_epoch = NULL WHERE id IN ("
            "  SELECT id FROM metrics_series WHERE retiring_epoch = %s"
            "  ORDER BY fingerprint FOR UPDATE)",
            [epoch],
        )
    return len(deleted)


def _retiring_since(epoch: int) -> dict[int, Ids]:
    """Return the series (ascending ids) that are retiring since an epoch, by their metric."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT metric_id, array_agg(id ORDER BY id) FROM metrics_series"
            " WHERE retiring_epoch = %s GROUP BY metric_id",
            [epoch],
        )
        return {metric_id: np.array(ids, np.int64) for metric_id, ids in cursor.fetchall()}


def _logged_of(retiring: Mapping[int, Ids]) -> Ids:
    """Return those of the series of which the log holds samples."""
    ids = np.sort(np.concatenate([_NOTHING, *retiring.values()]))
    found = [np.intersect1d(ids, logged, assume_unique=True) for logged in log.logged_series()]
    return np.unique(np.concatenate([_NOTHING, *found]))
