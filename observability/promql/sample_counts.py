"""How many samples a query needs at each step, counted as Prometheus counts them.

Source: Prometheus 3, util/stats/query_stats.go and promql/engine.go.
"""

from collections.abc import Iterator
from copy import copy
from typing import TypeVar

import numpy as np

from observability.promql.blocks import Ints, VectorBlock
from observability.promql.rollups import RollupWindows
from observability.promql.staleness import InstantSelection
from observability.promql.steps import Steps
from observability.promql.windows import WindowBlock

WindowsT = TypeVar("WindowsT", bound=WindowBlock | RollupWindows)


class SampleCounts:
    """Samples by step: those that were looked at, and those that no earlier step had looked at.

    What is evaluated once for all steps was looked at at each of them, and read at the first:
    counts of a single step stand for that.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.looked_at: Ints = np.zeros(steps.count, dtype=np.int64)
        self.read: Ints = np.zeros(steps.count, dtype=np.int64)

    def once(self) -> "SampleCounts":
        """Return the same counts, for what is evaluated at the first step alone."""
        counts = copy(self)
        counts.steps = self.steps.first_only()
        return counts

    def add_shown(self, shown: VectorBlock | InstantSelection) -> None:
        """Count what instant selectors show."""
        counts = np.count_nonzero(shown.present, axis=0)
        self.looked_at += counts
        self.read[: len(counts)] += counts

    def of_shown(self, blocks: Iterator[VectorBlock]) -> Iterator[VectorBlock]:
        """Yield the blocks of an instant selector, counted."""
        for block in blocks:
            self.add_shown(block)
            yield block

    def of_windows(
        self, blocks: Iterator[WindowsT], *, from_storage: bool = True
    ) -> Iterator[WindowsT]:
        """Yield the windows of a range selector, or of a subquery, counted."""
        for windows in blocks:
            first, last = windows.first, windows.last
            if isinstance(windows, RollupWindows):
                before = np.concatenate([np.zeros(1, np.int64), np.cumsum(windows.counts)])
                first, last = before[first], before[last]
            counts = last - first
            self.looked_at += counts.sum(axis=0)
            if from_storage:
                counts[:, 1:] = last[:, 1:] - np.maximum(first[:, 1:], last[:, :-1])
                self.read[: counts.shape[1]] += counts.sum(axis=0)
            yield windows

    def take_over(self, inside: "SampleCounts", *, offset_ms: int, range_ms: int) -> None:
        """Count what the inside of a subquery read at the step whose window takes it in first.

        What falls between the windows does not count; what it looked at does not either,
        because the windows of the subquery are looked at instead.
        """
        if self.steps.count <= 1:
            self.read[:1] += inside.read.sum()
            return
        times_ms = inside.steps.timestamps_ms + offset_ms
        steps = -((self.steps.start_ms - times_ms) // self.steps.step_ms)
        steps = np.clip(steps, 0, self.steps.count - 1)
        is_used = times_ms > self.steps.start_ms + steps * self.steps.step_ms - range_ms
        np.add.at(self.read, steps[is_used], inside.read[is_used])

    def take_over_all(self, inside: "SampleCounts") -> None:
        """Count all that a subquery that is the whole query looked at and read."""
        self.looked_at += inside.looked_at.sum()
        self.read += inside.read.sum()
