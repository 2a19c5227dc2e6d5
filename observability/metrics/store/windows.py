"""The windows of time that segments cover: four levels, aligned to the epoch, each inside the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A minute, a quarter of an hour, two hours, a day. Every one divides the next.
WINDOW_MS = (60_000, 15 * 60_000, 2 * 3_600_000, 86_400_000)
# How long after its end a window is merged: samples that come a little late come in time.
# It grows with the level, so that a window is never closed before those inside it.
_GRACE_MS = (0, 60_000, 5 * 60_000, 30 * 60_000)
TOP_LEVEL = len(WINDOW_MS) - 1
DAY_MS = WINDOW_MS[TOP_LEVEL]


def closed_before_ms(level: int, now_ms: int) -> int:
    """Return the time before which all windows of a level are closed, that is, may be merged."""
    return (now_ms - _GRACE_MS[level]) // WINDOW_MS[level] * WINDOW_MS[level]


def closed_levels(timestamps_ms: NDArray[np.int64], now_ms: int) -> NDArray[np.int64]:
    """Return for each time the highest level whose window around it is closed, 0 when none is."""
    levels = np.zeros(len(timestamps_ms), np.int64)
    for level in range(1, TOP_LEVEL + 1):
        levels[timestamps_ms < closed_before_ms(level, now_ms)] = level
    return levels
