"""How many samples a query needs at each step, counted as Prometheus counts them.

Source: Prometheus 3, util/stats/query_stats.go and promql/engine.go.
"""

import numpy as np

from observability.promql.blocks import Bools, Ints


class SampleCounts:
    """Samples by step: those that were looked at, and those that no earlier step had looked at."""

    def __init__(self, step_count: int) -> None:
        self.looked_at: Ints = np.zeros(step_count, dtype=np.int64)
        self.read: Ints = np.zeros(step_count, dtype=np.int64)

    def add_shown(self, present: Bools) -> None:
        """Count what instant selectors show, series x steps."""
        shown = np.count_nonzero(present, axis=0)
        self.looked_at += shown
        self.read[: len(shown)] += shown

    def add_windows(self, first: Ints, last: Ints, *, is_read: bool) -> None:
        """Count what windows hold, series x steps, as indices into the samples of a block.

        Args:
            first: Where each window begins.
            last: Where it ends, exclusive.
            is_read: Whether the samples come from the storage, not from a subquery.
        """
        self.looked_at += (last - first).sum(axis=0)
        if is_read:
            new = last - first
            new[:, 1:] = last[:, 1:] - np.maximum(first[:, 1:], last[:, :-1])
            self.read[: new.shape[1]] += new.sum(axis=0)
