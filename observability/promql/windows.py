"""Range vectors: for each series and step, the samples of one window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats, Ints
from observability.promql.labels import LabelSet
from observability.promql.staleness import positions, without_stale_markers
from observability.promql.storage import SeriesBlock
from observability.promql.syntax import Boundary


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBlock:
    """A bounded number of series, each with one window of samples at every step.

    The window of series `i` at step `t` is the slice `first[i, t]:last[i, t]` of
    `timestamps_ms` and `values`; it is empty where the two are equal.

    Attributes:
        label_sets: One label set a series.
        drop_name: As in `VectorBlock`.
        timestamps_ms: int64, one series after the other, without stale markers.
        values: float64, likewise.
        first: int64, series x steps.
        last: int64, series x steps, exclusive.
        end_ms: int64, one a step: the right edge of the window, which belongs to it.
        range_ms: Length of the window; its left edge does not belong to it.
        boundary: How the edges are treated, where not as usual; samples from outside of the
            window may belong to it then (boundaries.py says which).
    """

    label_sets: Sequence[LabelSet]
    drop_name: Bools
    timestamps_ms: Ints
    values: Floats
    first: Ints
    last: Ints
    end_ms: Ints
    range_ms: int
    boundary: Boundary | None = None

    @property
    def counts(self) -> Ints:
        """How many samples each window has."""
        return self.last - self.first

    @property
    def has_samples(self) -> Bools:
        """Whether each window has any samples."""
        return self.last > self.first

    def gather(self, flat: Floats, index: Ints) -> Floats:
        """Return `flat[index]`, with any value where the index points past the end."""
        if not flat.size:
            return np.zeros(index.shape)
        return flat[np.clip(index, 0, flat.size - 1)]

    def gather_times(self, index: Ints) -> Ints:
        """Return the times of samples in milliseconds, any time where the index points past the end."""
        if not self.timestamps_ms.size:
            return np.zeros(index.shape, dtype=np.int64)
        return self.timestamps_ms[np.clip(index, 0, self.timestamps_ms.size - 1)]


def cut_windows(
    block: SeriesBlock,
    *,
    end_ms: Ints,
    range_ms: int,
    edge_ms: int = 0,
    drop_name: Bools | None = None,
) -> WindowBlock:
    """Return the windows `(end - range - edge, end]` of each series."""
    block = without_stale_markers(block)
    if drop_name is None:
        drop_name = np.zeros(len(block.label_sets), dtype=np.bool_)
    return WindowBlock(
        label_sets=block.label_sets,
        drop_name=drop_name,
        timestamps_ms=block.timestamps_ms,
        values=block.values,
        # Each an array of its own: for parts of a larger one all kernels were compiled again.
        first=positions(block.offsets, block.timestamps_ms, end_ms - range_ms - edge_ms),
        last=positions(block.offsets, block.timestamps_ms, end_ms),
        end_ms=end_ms,
        range_ms=range_ms,
    )


@njit(nogil=True, cache=True)
def longest_run(first: Any, last: Any) -> int:
    """Return how many samples the longest of the windows has, 1 at least."""
    longest = 1
    for series in range(first.shape[0]):
        for step in range(first.shape[1]):
            longest = max(longest, last[series, step] - first[series, step])
    return longest
