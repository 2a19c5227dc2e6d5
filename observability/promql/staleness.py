"""Which sample an instant selector sees at a step: look-back window and stale markers."""

from dataclasses import dataclass

import numpy as np

from observability.promql.blocks import Bools, Floats, Ints
from observability.promql.storage import SeriesBlock

STALE_NAN_BITS = 0x7FF0000000000002
"""The NaN by which Prometheus says that a series has ended."""

STALE_NAN = float(np.array(STALE_NAN_BITS, dtype=np.int64).view(np.float64))

_LARGEST_KEY = 2**62


@dataclass(frozen=True, slots=True)
class InstantSelection:
    """The sample each series shows at each step.

    Attributes:
        values: float64, series x steps; meaningless where nothing is present.
        timestamps_ms: int64, series x steps: when that sample was taken.
        present: bool, series x steps.
    """

    values: Floats
    timestamps_ms: Ints
    present: Bools


def is_stale(values: Floats) -> Bools:
    """Say for each value whether it is the stale marker; another NaN is not."""
    return np.asarray(np.ascontiguousarray(values).view(np.int64) == STALE_NAN_BITS)


def select_instant(block: SeriesBlock, at_ms: Ints, lookback_ms: int) -> InstantSelection:
    """Return the newest sample of each series in `(at - lookback, at]`, for each `at`.

    The window is open on the left, as in Prometheus 3: a sample exactly one look-back
    delta old is not seen. A stale marker hides every older sample.

    Args:
        block: The series.
        at_ms: The times to look from, in any order.
        lookback_ms: Length of the window.
    """
    shape = (len(block.label_sets), len(at_ms))
    if not block.values.size:
        return InstantSelection(
            np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
        )
    newest = positions(block.offsets, block.timestamps_ms, at_ms) - 1
    is_there = newest >= block.offsets[:-1, np.newaxis]
    newest = np.maximum(newest, 0)
    timestamps = block.timestamps_ms[newest]
    values = block.values[newest]
    present = is_there & (timestamps > at_ms - lookback_ms) & ~is_stale(values)
    return InstantSelection(values, timestamps, present)


def without_stale_markers(block: SeriesBlock) -> SeriesBlock:
    """Return the block without its stale markers, as range selectors see it."""
    keep = ~is_stale(block.values)
    if keep.all():
        return block
    kept_before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(keep)])
    return SeriesBlock(
        label_sets=block.label_sets,
        offsets=kept_before[block.offsets],
        timestamps_ms=block.timestamps_ms[keep],
        values=block.values[keep],
    )


def positions(offsets: Ints, timestamps_ms: Ints, at_ms: Ints) -> Ints:
    """Return where each series' samples up to and including each `at` end.

    All series are searched at once: shifting each one's timestamps beyond those of the
    series before it makes one ascending array of the whole block.

    Returns:
        int64, series x times: indices into `timestamps_ms`; the series' own start where
        it has no sample so early.
    """
    series_count = len(offsets) - 1
    if not timestamps_ms.size:
        return np.broadcast_to(offsets[:-1, np.newaxis], (series_count, len(at_ms))).copy()
    oldest, newest = int(timestamps_ms.min()), int(timestamps_ms.max())
    width = newest - oldest + 2
    if width * series_count > _LARGEST_KEY:
        # Times so far apart that shifted ones would not fit 64 bits: search by rank.
        ranked = np.unique(timestamps_ms)
        ranks = np.searchsorted(ranked, timestamps_ms)
        return positions(offsets, ranks, np.searchsorted(ranked, at_ms, side="right") - 1)
    shift = np.arange(series_count, dtype=np.int64) * width
    keys = timestamps_ms - (oldest - 1) + np.repeat(shift, np.diff(offsets))
    wanted = np.clip(at_ms, oldest - 1, newest) - (oldest - 1)
    return np.searchsorted(keys, shift[:, np.newaxis] + wanted, side="right")
