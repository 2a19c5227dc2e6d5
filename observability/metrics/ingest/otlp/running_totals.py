"""Deltas become totals: a sender that says how much a counter grew gets a counter in the store.

The total of each series is a row, locked while a delta is added and written in the transaction that
stores the sample. So any number of web processes may add to one series, a restart forgets nothing,
and a delta counts once: one that ends with the last was sent again, one that ends before it comes
too late to be put in. A row without news for a day is deleted; should its series come back, it
begins anew, which PromQL reads as what it is, a counter that was reset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.ingest.otlp.models import RunningTotal
from observability.metrics.store.log import LogSamples

EXPIRY_MS = 86_400_000
# A first delta is preceded by a zero at its start, unless that was so long ago that nobody asks.
_MAX_ZERO_AGE_MS = 3_600_000
# The end of the newest delta of a series that has had none.
_NEVER = -1

LATE = "a delta must end after the one before it; this comes too late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deltas:
    """Deltas of one or more series, in any order.

    Attributes:
        series_ids: int64.
        starts_ms: int64, when each began; 0 when nobody knows.
        ends_ms: int64.
        changes: float64, finite.
        is_counter: bool, whether the total begins at zero and only grows.
    """

    series_ids: NDArray[np.int64]
    starts_ms: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    changes: NDArray[np.float64]
    is_counter: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Accumulated:
    """Totals as samples, and for each delta whether it came too late."""

    samples: LogSamples
    is_late: NDArray[np.bool_]


def accumulate(deltas: Deltas) -> Accumulated:
    """Add deltas to their totals; call it in the transaction that stores the samples.

    Deltas of one series that end together, as those of several processes that cannot be told
    apart, are added up.
    """
    known = _lock(np.unique(deltas.series_ids).tolist())
    totals = {series_id: total for series_id, total, _ in known}
    earlier_ends = {series_id: end_ms for series_id, _, end_ms in known}
    ends = dict(earlier_ends)
    samples: dict[tuple[int, int], float] = {}
    is_late = np.zeros(len(deltas.changes), np.bool_)
    order = np.lexsort((deltas.ends_ms, deltas.series_ids))
    for place, series_id, start_ms, end_ms, change, is_counter in zip(
        order.tolist(),
        deltas.series_ids[order].tolist(),
        deltas.starts_ms[order].tolist(),
        deltas.ends_ms[order].tolist(),
        deltas.changes[order].tolist(),
        deltas.is_counter[order].tolist(),
        strict=True,
    ):
        if end_ms <= earlier_ends[series_id]:
            is_late[place] = end_ms < earlier_ends[series_id]
            continue
        is_first = ends[series_id] == _NEVER
        if is_first and is_counter and 0 < end_ms - start_ms <= _MAX_ZERO_AGE_MS:
            samples[series_id, start_ms] = 0.0
        ends[series_id] = end_ms
        totals[series_id] += change
        samples[series_id, end_ms] = totals[series_id]
    _write(totals, ends)
    places = np.array(list(samples), np.int64).reshape(-1, 2)
    return Accumulated(
        LogSamples(
            series_ids=places[:, 0],
            timestamps_ms=places[:, 1],
            values=np.array(list(samples.values()), np.float64),
        ),
        is_late,
    )


def expire(now_ms: int) -> int:
    """Delete totals that have had no delta for a day; return their number."""
    deleted, _ = RunningTotal.objects.filter(end_ms__lt=now_ms - EXPIRY_MS).delete()
    return deleted


def _lock(series_ids: Sequence[int]) -> list[tuple[int, float, int]]:
    """Return series, total and end of the newest delta for each; nobody else may change them now.

    Args:
        series_ids: Ascending, so that two writers never wait for each other in a ring.
    """
    ids = _array(series_ids)
    with connection.cursor() as cursor:
        # DO UPDATE locks also the rows that it leaves as they are.
        cursor.execute(
            "INSERT INTO metrics_runningtotal AS known (series_id, total, end_ms)"
            " SELECT series_id, 0, %s FROM unnest(%s::bigint[]) AS new (series_id)"
            " ON CONFLICT (series_id) DO UPDATE SET total = known.total WHERE false",
            [_NEVER, ids],
        )
        cursor.execute(
            "SELECT series_id, total, end_ms FROM metrics_runningtotal"
            " WHERE series_id = ANY(%s::bigint[])",
            [ids],
        )
        rows: list[tuple[int, float, int]] = cursor.fetchall()
    return rows


def _write(totals: Mapping[int, float], ends: Mapping[int, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_runningtotal AS known SET total = new.total, end_ms = new.end_ms"
            " FROM unnest(%s::bigint[], %s::float8[], %s::bigint[]) AS new (series_id, total, end_ms)"
            " WHERE known.series_id = new.series_id AND known.end_ms < new.end_ms",
            [
                _array(totals),
                _array(totals.values()),
                _array(ends[series_id] for series_id in totals),
            ],
        )


def _array(numbers: Iterable[float]) -> str:
    """Return PostgreSQL's text of an array, which it reads much faster than a list of constants."""
    return "{" + ",".join(map(repr, numbers)) + "}"
