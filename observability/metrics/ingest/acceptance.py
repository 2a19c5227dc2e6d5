"""Which times a sample may have, whatever protocol it comes by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store import retention
from observability.metrics.store.windows import DAY_MS

# How far ahead of this machine's clock a sample may be.
MAX_AHEAD_MS = 10 * 60_000

_TOO_NEW = "more than 10 minutes in the future"


@dataclass(frozen=True, slots=True)
class TimeBounds:
    """The oldest and the newest time of samples that are taken, in milliseconds."""

    oldest_ms: int
    newest_ms: int
    too_old: str

    def fault(self, timestamp_ms: int) -> str:
        """Return what is wrong with a time, '' when nothing is."""
        if timestamp_ms > self.newest_ms:
            return _TOO_NEW
        return self.too_old if timestamp_ms < self.oldest_ms else ""

    def hold(self, timestamps_ms: NDArray[np.int64]) -> bool:
        """Say whether all of these times, at least one, are within."""
        return bool(timestamps_ms.max() <= self.newest_ms and timestamps_ms.min() >= self.oldest_ms)


def time_bounds(now_ms: int) -> TimeBounds:
    """Return the bounds for samples that arrive now; older ones are kept of no metric."""
    longest_ms = retention.longest_raw_ms()
    days = longest_ms // DAY_MS
    return TimeBounds(
        oldest_ms=now_ms - longest_ms,
        newest_ms=now_ms + MAX_AHEAD_MS,
        too_old=f"older than the {days} days for which samples are kept",
    )


def any_age(now_ms: int) -> TimeBounds:
    """Return the bounds for samples that are imported, which may be as old as they like."""
    return TimeBounds(oldest_ms=-(2**53), newest_ms=now_ms + MAX_AHEAD_MS, too_old="too old")
