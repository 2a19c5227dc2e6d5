"""Which labels are certainly on series that have samples in a period: a look at the newest segments tells most.

Of a store with thousands of series nearly every label name, and every value that many series have, is on
one of a few thousand. So the labels of some series are proof enough, and only for the others have
series to be searched.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.period import Period
from observability.metrics.store import catalogue
from observability.metrics.store.paging import series_of
from observability.metrics.store.windows import WINDOW_MS

# The newest segments: of a few hundred metrics one each.
_SEGMENTS = 300
_SERIES_PER_SEGMENT = 10
# Other series come and go meanwhile; nothing that is proven becomes wrong.
_SECONDS_KEPT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveLabels:
    """Labels of some series with samples.

    Attributes:
        pair_ids: Their label pairs, ascending.
        names: The names of these.
        latest_start_ms: Whoever asks from a later time on cannot be sure that they have samples then.
        earliest_end_ms: Nor who asks until an earlier time.
        epoch: The catalogue's, in which these series were there.
        expires_at: By the process's clock.
    """

    pair_ids: NDArray[np.int64]
    names: frozenset[str]
    latest_start_ms: int
    earliest_end_ms: int
    epoch: int
    expires_at: float

    def are_for(self, period: Period, epoch: int) -> bool:
        """Say whether they are on series with samples in another period, too."""
        start_ms, end_ms = period.bounds_ms
        return (
            self.epoch == epoch
            and start_ms <= self.latest_start_ms
            and end_ms >= self.earliest_end_ms
            and time.monotonic() < self.expires_at
        )


_kept: LiveLabels | None = None


def live_labels(period: Period, epoch: int) -> LiveLabels:
    """Return labels that are on series with samples in a period, though not all of them.

    Args:
        period: When.
        epoch: The catalogue's, as of now.
    """
    global _kept  # noqa: PLW0603 (a cache of the process)
    kept = _kept
    if kept is None or not kept.are_for(period, epoch):
        kept = _look(period, epoch)
        # What an open transaction sees may never come to be.
        if not connection.in_atomic_block:
            _kept = kept
    return kept


def _look(period: Period, epoch: int) -> LiveLabels:
    start_ms, end_ms = period.bounds_ms
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min_timestamp_ms, max_timestamp_ms, directory FROM metrics_segment"
            " WHERE window_start_ms > %(start)s - %(window)s AND window_start_ms <= %(end)s"
            "   AND max_timestamp_ms >= %(start)s AND min_timestamp_ms <= %(end)s"
            " ORDER BY level, window_start_ms DESC LIMIT %(limit)s",
            {"start": start_ms, "end": end_ms, "window": WINDOW_MS[-1], "limit": _SEGMENTS},
        )
        segments = cursor.fetchall()
        cursor.execute(
            "SELECT label.id, label.name FROM ("
            "   SELECT DISTINCT unnest(pairs) AS id FROM metrics_series WHERE id = ANY(%s)) AS used"
            " JOIN metrics_labelpair AS label ON label.id = used.id ORDER BY label.id",
            [[series for *_, directory in segments for series in _some(directory)]],
        )
        labels = cursor.fetchall()
    return LiveLabels(
        pair_ids=np.array([pair_id for pair_id, _ in labels], np.int64),
        names=frozenset(name for _, name in labels),
        latest_start_ms=min((newest_ms for _, newest_ms, _ in segments), default=start_ms),
        earliest_end_ms=max((oldest_ms for oldest_ms, *_ in segments), default=end_ms),
        epoch=epoch,
        expires_at=time.monotonic() + _SECONDS_KEPT,
    )


def _some(directory: memoryview) -> list[int]:
    """Return a few series of a segment, from all over it."""
    ids = series_of(directory)
    places = np.linspace(0, len(ids) - 1, min(len(ids), _SERIES_PER_SEGMENT)).astype(np.intp)
    return list(ids[places].tolist())


def _forget() -> None:
    global _kept  # noqa: PLW0603 (a cache of the process)
    _kept = None


catalogue.on_forget(_forget)
