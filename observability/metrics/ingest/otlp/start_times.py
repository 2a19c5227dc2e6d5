"""When counters began to count: a start that moves on tells of a reset that the value may hide.

A counter that is larger after a restart than before looks as if it had never been reset. Where the
start of a cumulative series is later than the one that this process has seen, a zero at that start
says so. Whichever processes notice, they write the same zero.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from observability.metrics.ingest.series_memory import Realm

# About 20 MB; a process that has seen more begins anew, and misses resets of that moment only.
MAX_SERIES = 100_000


class StartTimes:
    """The latest start of each series that this process has seen."""

    def __init__(self, *, max_series: int = MAX_SERIES) -> None:
        self._lock = threading.Lock()
        self._max_series = max_series
        self._count = 0
        self._starts_ms: dict[Realm, dict[bytes, int]] = {}

    def known(self, realm: Realm, keys: Sequence[bytes]) -> NDArray[np.int64]:
        """Return the start of each series in milliseconds, 0 for those that are not known."""
        starts = self._starts_ms.get(realm, {})
        return np.array(list(map(starts.get, keys, repeat(0))), np.int64)

    def remember(self, realm: Realm, keys: Sequence[bytes], starts_ms: NDArray[np.int64]) -> None:
        """Remember the starts of series that have been stored; an earlier one than is known is not."""
        with self._lock:
            if self._count + len(keys) > self._max_series:
                self._starts_ms, self._count = {}, 0
            starts = self._starts_ms.setdefault(realm, {})
            self._count -= len(starts)
            for key, start_ms in zip(keys, starts_ms.tolist(), strict=True):
                starts[key] = max(start_ms, starts.get(key, 0))
            self._count += len(starts)

    def forget(self) -> None:
        """Empty the memory."""
        with self._lock:
            self._starts_ms, self._count = {}, 0
