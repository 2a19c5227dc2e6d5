"""Which sample an instant selector sees at a step: look-back window and stale markers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats, Ints, offsets_of
from observability.promql.storage import SeriesBlock

STALE_NAN_BITS = 0x7FF0000000000002
"""The NaN by which Prometheus says that a series has ended."""

STALE_NAN = float(np.array(STALE_NAN_BITS, dtype=np.int64).view(np.float64))


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
    bits = np.ascontiguousarray(block.values).view(np.int64)
    return InstantSelection(
        *_newest(block.offsets, block.timestamps_ms, block.values, bits, at_ms, lookback_ms)
    )


def without_stale_markers(block: SeriesBlock) -> SeriesBlock:
    """Return the block without its stale markers, as range selectors see it."""
    if not _has_stale(np.ascontiguousarray(block.values).view(np.int64)):
        return block
    keep = ~is_stale(block.values)
    kept_before = offsets_of(keep)
    return SeriesBlock(
        label_sets=block.label_sets,
        offsets=kept_before[block.offsets],
        timestamps_ms=block.timestamps_ms[keep],
        values=block.values[keep],
    )


def positions(offsets: Ints, timestamps_ms: Ints, at_ms: Ints) -> Ints:
    """Return where each series' samples up to and including each `at` end.

    Returns:
        int64, series x times: indices into `timestamps_ms`; the series' own start where
        it has no sample so early.
    """
    return np.asarray(_positions(offsets, timestamps_ms, at_ms))


# From so many samples up to the next time on, halving is quicker than walking.
_FAR = 32


@njit(nogil=True, cache=True)
def _positions(offsets: Any, timestamps_ms: Any, at_ms: Any) -> Any:
    found = np.empty((len(offsets) - 1, len(at_ms)), dtype=np.int64)
    for series in range(len(offsets) - 1):
        begin, end = offsets[series], offsets[series + 1]
        place = begin
        for step in range(len(at_ms)):
            time_ms = at_ms[step]
            if step and time_ms < at_ms[step - 1]:
                place = begin
            if place + _FAR < end and timestamps_ms[place + _FAR] <= time_ms:
                ahead = timestamps_ms[place:end]
                place += np.searchsorted(ahead, time_ms, side="right")
            while place < end and timestamps_ms[place] <= time_ms:
                place += 1
            found[series, step] = place
    return found


@njit(nogil=True, cache=True)
def _has_stale(bits: Any) -> bool:
    for i in range(len(bits)):  # noqa: SIM110 (compiled)
        if bits[i] == STALE_NAN_BITS:
            return True
    return False


@njit(nogil=True, cache=True)
def _newest(
    offsets: Any, timestamps_ms: Any, values: Any, bits: Any, at_ms: Any, lookback_ms: int
) -> Any:
    shape = (len(offsets) - 1, len(at_ms))
    found = _positions(offsets, timestamps_ms, at_ms)
    shown, times = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    present = np.zeros(shape, dtype=np.bool_)
    for series in range(shape[0]):
        for step in range(shape[1]):
            place = found[series, step] - 1
            if place < offsets[series] or timestamps_ms[place] <= at_ms[step] - lookback_ms:
                continue
            shown[series, step] = values[place]
            times[series, step] = timestamps_ms[place]
            present[series, step] = bits[place] != STALE_NAN_BITS
    return shown, times, present
