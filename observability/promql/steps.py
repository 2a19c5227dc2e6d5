"""The times at which a query is evaluated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FARTHEST_MS = 2**61
"""Bound of the times a query may name: far from where 64-bit sums of times would overflow."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Evaluation times from `start_ms` on, `step_ms` apart, up to `end_ms` at most.

    An instant query has one step: `start_ms == end_ms`, and `step_ms` 0.
    """

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def count(self) -> int:
        """How many steps there are; 0 when the end lies before the start."""
        if self.end_ms < self.start_ms:
            return 0
        return 1 if self.step_ms == 0 else (self.end_ms - self.start_ms) // self.step_ms + 1

    @property
    def timestamps_ms(self) -> NDArray[np.int64]:
        """The evaluation times, oldest first."""
        return self.start_ms + np.arange(self.count, dtype=np.int64) * self.step_ms

    def first_only(self) -> "Steps":
        """Return the first of the steps alone."""
        return Steps(self.start_ms, self.start_ms, 0)
