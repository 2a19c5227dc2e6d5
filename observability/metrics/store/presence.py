"""Which series, or metrics, have samples in a period; no sample of a segment is read for it.

Segments and rollups answer by what their rows and directories say, so that a series counts for
all the time that a segment with it covers, and likewise a bucket's row. A series is searched for
until it is found somewhere: first in what was written last, where most are.

Samples move while one looks, but only from the log to segments, and from level to level upwards.
Reading levels in this order, none is missed; of the log its rows are noted at the beginning, and if
one of them is gone when it is read, the search for what is still missing begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.period import Period
from observability.metrics.store import log
from observability.metrics.store.columns import places_of
from observability.metrics.store.paging import series_of
from observability.metrics.store.retention import policies, policy_of
from observability.metrics.store.rollups.resolutions import ROW_MS
from observability.metrics.store.windows import WINDOW_MS

_Ids = NDArray[np.int64]

# Directories of a thousand series take a kilobyte or two, log rows some more.
_DIRECTORIES_PER_LOOK = 1_000
_LOG_ROWS_PER_LOOK = 200

_IN_LOG = "max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s"
_IN_SEGMENT = (
    f"found.window_start_ms > %(start)s - {WINDOW_MS[-1]} AND found.window_start_ms <= %(end)s"
    " AND found.max_timestamp_ms >= %(start)s AND found.min_timestamp_ms <= %(end)s"
)
_IN_ROLLUP = " OR ".join(
    f"(found.resolution_ms = {resolution_ms}"
    f" AND found.window_start_ms > %(start)s - {row_ms} AND found.window_start_ms <= wanted.until_ms)"
    for resolution_ms, row_ms in ROW_MS.items()
)


def present_series(series_ids: _Ids, metric_ids: _Ids, period: Period) -> NDArray[np.bool_]:
    """Say for each of some series (ascending ids) whether it has samples in a period.

    Args:
        series_ids: The series.
        metric_ids: The metric of each.
        period: When.
    """
    search = _Search(series_ids, metric_ids, period)
    search.run()
    return search.is_present


def present_metrics(period: Period) -> set[str]:
    """Return the names of the metrics that have samples in a period."""
    start_ms, end_ms = period.bounds_ms
    bounds = {"start": start_ms, "end": end_ms}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT metric.id, metric.name, EXISTS ("  # noqa: S608 (our own conditions)
            f"  SELECT FROM metrics_segment AS found WHERE found.metric_id = metric.id AND {_IN_SEGMENT})"
            f" , (SELECT count(*) FROM metrics_samplelog WHERE {_IN_LOG})"
            " FROM metrics_metric AS metric",
            bounds,
        )
        rows = cursor.fetchall()
    present = {name for _, name, is_present, _ in rows if is_present}
    missing = {metric_id: name for metric_id, name, is_present, _ in rows if not is_present}
    if missing and rows[0][3]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, metric_id FROM metrics_series WHERE metric_id = ANY(%s) ORDER BY id",
                [list(missing)],
            )
            series = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
        found = present_series(series[:, 0], series[:, 1], period)
        return present | {missing[metric] for metric in set(series[found, 1].tolist())}
    for metric_id in _in_rollups(missing, bounds):
        present.add(missing[metric_id])
    return present


class _Search:
    """Looks for series in the log, in segments and in rollups, until each is found."""

    def __init__(self, series_ids: _Ids, metric_ids: _Ids, period: Period) -> None:
        self._series_ids = series_ids
        self._metric_ids = metric_ids
        self.is_present = np.zeros(len(series_ids), np.bool_)
        self._start_ms, self._end_ms = period.bounds_ms

    def run(self) -> None:
        """Look everywhere."""
        while not self._all_found():
            log_ids = self._look_into_segments()
            if self._all_found() or self._look_into_log(log_ids):
                break
        if not self._all_found():
            self._look_into_rollups()

    def _all_found(self) -> bool:
        return bool(self.is_present.all())

    def _found(self, series_ids: _Ids) -> None:
        self.is_present[places_of(self._series_ids, series_ids)] = True

    def _missing(self) -> dict[str, Any]:
        """Return the parameters of statements: of each metric the first and the last series not found."""
        metrics, ids = self._metric_ids[~self.is_present], self._series_ids[~self.is_present]
        order = np.argsort(metrics, kind="stable")
        metrics, ids = metrics[order], ids[order]
        starts = np.flatnonzero(np.append(True, metrics[1:] != metrics[:-1]))
        ends = np.append(starts[1:], len(ids)) - 1
        return {
            "start": self._start_ms,
            "end": self._end_ms,
            "metrics": metrics[starts].tolist(),
            "firsts": ids[starts].tolist(),
            "lasts": ids[ends].tolist(),
        }

    def _look_into_segments(self) -> list[int]:
        """Look into segments from the lowest level up; return which log rows there were at first."""
        noted: list[int] = []
        level, minus_start_ms, segment_id = 0, -self._end_ms, 0
        statement = _LOG_ROWS + _SEGMENTS
        while True:
            parameters = self._missing() | {
                "level": level,
                "minus_start": minus_start_ms,
                "id": segment_id,
                "limit": _DIRECTORIES_PER_LOOK,
            }
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                rows = cursor.fetchall()
            noted += [row_id for log_ids, *_ in rows if log_ids for row_id in log_ids]
            segments = [row for row in rows if row[4] is not None]
            for *_, directory in segments:
                self._found(series_of(directory))
            if len(segments) < _DIRECTORIES_PER_LOOK or self._all_found():
                return noted
            _, level, minus_start_ms, segment_id, _ = segments[-1]
            statement = _SEGMENTS

    def _look_into_log(self, row_ids: Sequence[int]) -> bool:
        """Look into rows of the log, the newest first; False when one of them was gone."""
        were_there = True
        for first in range(0, len(row_ids), _LOG_ROWS_PER_LOOK):
            wanted = row_ids[first : first + _LOG_ROWS_PER_LOOK]
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT data FROM metrics_samplelog WHERE id = ANY(%s)", [list(wanted)]
                )
                rows = cursor.fetchall()
            were_there = were_there and len(rows) == len(wanted)
            missing = self._series_ids[~self.is_present]
            for (data,) in rows:
                samples = log.decode(data, missing)
                times = samples.timestamps_ms
                is_within = (times >= self._start_ms) & (times <= self._end_ms)
                self._found(np.unique(samples.series_ids[is_within]))
            if self._all_found():
                break
        return were_there

    def _look_into_rollups(self) -> None:
        """Look into rollups of the time of which samples may be deleted already."""
        if not _may_be_expired(self._start_ms):
            return
        missing = self._missing()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, name FROM metrics_metric WHERE id = ANY(%s)", [missing["metrics"]]
            )
            names = dict(cursor.fetchall())
        until_ms = _expired_until_ms(names, self._start_ms, self._end_ms)
        after_id = 0
        while not self._all_found():
            parameters = self._missing()
            parameters["untils"] = [until_ms.get(metric) for metric in parameters["metrics"]]
            with connection.cursor() as cursor:
                cursor.execute(
                    _ROLLUPS, parameters | {"after": after_id, "limit": _DIRECTORIES_PER_LOOK}
                )
                rows = cursor.fetchall()
            for _, directory in rows:
                self._found(series_of(directory))
            if len(rows) < _DIRECTORIES_PER_LOOK:
                return
            after_id = rows[-1][0]


_LOG_ROWS = (
    "SELECT array_agg(id ORDER BY id DESC), NULL::int, NULL::bigint, NULL::bigint, NULL::bytea"  # noqa: S608 (our own conditions)
    f" FROM metrics_samplelog WHERE {_IN_LOG} UNION ALL "
)
# From the lowest level up, and in each the newest first.
_SEGMENTS = (
    "(SELECT NULL::bigint[], found.level::int, -found.window_start_ms, found.id, found.directory"  # noqa: S608 (our own conditions)
    " FROM unnest(%(metrics)s::bigint[], %(firsts)s::bigint[], %(lasts)s::bigint[])"
    "   AS wanted (metric_id, first, last)"
    " JOIN metrics_segment AS found ON found.metric_id = wanted.metric_id"
    "   AND found.max_series_id >= wanted.first AND found.min_series_id <= wanted.last"
    f" WHERE {_IN_SEGMENT} AND found.level >= %(level)s"
    "   AND (found.level, -found.window_start_ms, found.id) > (%(level)s, %(minus_start)s, %(id)s)"
    " ORDER BY found.level, -found.window_start_ms, found.id LIMIT %(limit)s)"
)
_ROLLUPS = (
    "SELECT found.id, found.directory"  # noqa: S608 (our own conditions)
    " FROM unnest(%(metrics)s::bigint[], %(firsts)s::bigint[], %(lasts)s::bigint[],"
    "   %(untils)s::bigint[]) AS wanted (metric_id, first, last, until_ms)"
    " JOIN metrics_rollup AS found ON found.metric_id = wanted.metric_id"
    "   AND found.max_series_id >= wanted.first AND found.min_series_id <= wanted.last"
    f" WHERE ({_IN_ROLLUP}) AND found.id > %(after)s ORDER BY found.id LIMIT %(limit)s"
)


def _may_be_expired(start_ms: int) -> bool:
    """Say whether samples of some metric may be deleted of a time."""
    return start_ms < int(time.time() * 1000) - min(policy.raw_ms for policy in policies())


def _expired_until_ms(names: dict[int, str], start_ms: int, end_ms: int) -> dict[int, int]:
    """Return until when, of a period, samples of metrics may be deleted; others are left out."""
    now_ms = int(time.time() * 1000)
    until_ms = {metric_id: now_ms - policy_of(name).raw_ms for metric_id, name in names.items()}
    return {metric: min(end_ms, until) for metric, until in until_ms.items() if until >= start_ms}


def _in_rollups(names: dict[int, str], bounds: dict[str, int]) -> list[int]:
    """Return those of some metrics that have rollups of a time of which samples may be deleted."""
    if not names or not _may_be_expired(bounds["start"]):
        return []
    until_ms = _expired_until_ms(names, bounds["start"], bounds["end"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.metric_id"  # noqa: S608 (our own conditions)
            " FROM unnest(%(metrics)s::bigint[], %(untils)s::bigint[])"
            "   AS wanted (metric_id, until_ms)"
            " WHERE EXISTS (SELECT FROM metrics_rollup AS found"
            f"   WHERE found.metric_id = wanted.metric_id AND ({_IN_ROLLUP}))",
            bounds | {"metrics": list(until_ms), "untils": list(until_ms.values())},
        )
        return [metric_id for (metric_id,) in cursor.fetchall()]
