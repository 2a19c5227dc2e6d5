"""Range vectors and instant selectors over rollups: buckets in the place of samples.

A window whose edges are ends of buckets has whole buckets only, and what it gives is exact. Where
samples are no longer kept, a window is rounded: its right edge back to the end of a bucket, so that
nothing is shown before it happened, its length to the nearest multiple of the resolution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from observability.promql.annotations import Annotations
from observability.promql.blocks import Bools, Floats, Ints, offsets_of
from observability.promql.durations import format_duration
from observability.promql.labels import LabelSet
from observability.promql.staleness import InstantSelection, is_stale, positions
from observability.promql.storage import RollupBlock, RollupColumn
from observability.promql.windows import WindowBlock

INSTANT_COLUMNS = frozenset({RollupColumn.LAST, RollupColumn.LAST_MS})
"""What an instant selector needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupWindows:
    """A bounded number of series, each with one window of buckets at every step.

    The window of series `i` at step `t` is the slice `first[i, t]:last[i, t]` of `ends_ms`,
    `counts` and all columns; it is empty where the two are equal.

    Attributes:
        label_sets: One label set a series.
        drop_name: As in `VectorBlock`.
        ends_ms: int64, one series after the other, without stale markers.
        counts: int64, the samples of each bucket.
        columns: What else is known of the buckets.
        first: int64, series x steps.
        last: int64, series x steps, exclusive.
        end_ms: int64, one a step: the right edge of the window, which belongs to it.
        range_ms: int64, one a step: the length of the window.
        asked_range_ms: The length before it was rounded.
    """

    label_sets: Sequence[LabelSet]
    drop_name: Bools
    ends_ms: Ints
    counts: Ints
    columns: Mapping[RollupColumn, NDArray[Any]]
    first: Ints
    last: Ints
    end_ms: Ints
    range_ms: Ints
    asked_range_ms: int

    @property
    def has_samples(self) -> Bools:
        """Whether each window has any samples."""
        return self.last > self.first

    def total(self, numbers: Ints) -> Floats:
        """Return the sum of whole numbers, one a bucket, over each window."""
        before = offsets_of(numbers)
        found: Floats = (before[self.last] - before[self.first]).astype(np.float64)
        return found

    def of(self, column: RollupColumn) -> WindowBlock:
        """Return the windows with a column of the buckets in the place of samples."""
        return WindowBlock(
            label_sets=self.label_sets,
            drop_name=self.drop_name,
            timestamps_ms=self.ends_ms,
            values=self.columns[column],
            first=self.first,
            last=self.last,
            end_ms=self.end_ms,
            range_ms=self.asked_range_ms,
        )


def cut_rollup_windows(
    block: RollupBlock, *, end_ms: Ints, range_ms: int, annotations: Annotations
) -> RollupWindows:
    """Return the windows `(end - range, end]` of each series, rounded where they must be."""
    block = _without_stale_markers(block)
    asked_range_ms = range_ms
    end_ms, ranges_ms, _ = _rounded(block, end_ms, range_ms, annotations)
    return RollupWindows(
        label_sets=block.label_sets,
        drop_name=np.zeros(len(block.label_sets), dtype=np.bool_),
        ends_ms=block.ends_ms,
        counts=block.counts,
        columns=block.columns,
        first=positions(block.offsets, block.ends_ms, end_ms - ranges_ms),
        last=positions(block.offsets, block.ends_ms, end_ms),
        end_ms=end_ms,
        range_ms=ranges_ms,
        asked_range_ms=asked_range_ms,
    )


def select_instant_from_rollups(
    block: RollupBlock, at_ms: Ints, lookback_ms: int, annotations: Annotations
) -> InstantSelection:
    """Return the newest sample of each series in `(at - lookback, at]`, for each `at`.

    Where the window is rounded, it is the newest sample of the buckets in the rounded one.
    """
    shape = (len(block.label_sets), len(at_ms))
    if not len(block):
        return InstantSelection(
            np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
        )
    end_ms, ranges_ms, is_rounded = _rounded(block, at_ms, lookback_ms, annotations)
    newest = positions(block.offsets, block.ends_ms, end_ms) - 1
    is_there = newest >= block.offsets[:-1, np.newaxis]
    newest = np.maximum(newest, 0)
    values = block.columns[RollupColumn.LAST][newest]
    times = block.columns[RollupColumn.LAST_MS][newest]
    seen_at = np.where(is_rounded, block.ends_ms[newest], times)
    present = is_there & (seen_at > end_ms - ranges_ms) & ~is_stale(values)
    return InstantSelection(values, times, present)


def _rounded(
    block: RollupBlock, end_ms: Ints, range_ms: int, annotations: Annotations
) -> tuple[Ints, Ints, Bools]:
    """Return the windows' right edges and lengths, and which windows had to be rounded."""
    resolution_ms = block.resolution_ms
    rounded_range_ms = max(
        (range_ms + resolution_ms // 2) // resolution_ms * resolution_ms, resolution_ms
    )
    ranges_ms = np.full(len(end_ms), range_ms, dtype=np.int64)
    is_rounded = (end_ms - range_ms < block.rounded_before_ms) & (
        (end_ms % resolution_ms != 0) | (range_ms != rounded_range_ms)
    )
    if is_rounded.any():
        resolution = format_duration(resolution_ms)
        annotations.warn(
            f"window edges were rounded to {resolution}, because of the older part of the range "
            f"only summaries of {resolution} are kept, not the raw samples"
        )
        end_ms = np.where(is_rounded, end_ms // resolution_ms * resolution_ms, end_ms)
        ranges_ms = np.where(is_rounded, rounded_range_ms, ranges_ms)
    return end_ms, ranges_ms, is_rounded


def _without_stale_markers(block: RollupBlock) -> RollupBlock:
    keep = block.counts > 0
    if keep.all():
        return block
    kept_before = offsets_of(keep)
    return RollupBlock(
        label_sets=block.label_sets,
        offsets=kept_before[block.offsets],
        ends_ms=block.ends_ms[keep],
        counts=block.counts[keep],
        columns={name: column[keep] for name, column in block.columns.items()},
        rounded_before_ms=block.rounded_before_ms,
        resolution_ms=block.resolution_ms,
    )
