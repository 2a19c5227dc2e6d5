"""`anchored` and `smoothed` selectors: windows whose edges have values of their own.

An anchored window begins with the newest sample at or before its left edge, if the look-back finds
one. A smoothed one has at both edges what lies on the line between the samples around them.
Source: Prometheus 3, promql/engine.go (`extendFloats`, `smoothSeries`).
"""

from dataclasses import replace

import numpy as np

from observability.promql.blocks import Floats, Ints
from observability.promql.errors import ExecutionError
from observability.promql.staleness import InstantSelection, positions, without_stale_markers
from observability.promql.storage import SeriesBlock
from observability.promql.syntax import Boundary
from observability.promql.windows import WindowBlock

_FUNCTIONS = {
    Boundary.ANCHORED: ("changes", "delta", "increase", "rate", "resets"),
    Boundary.SMOOTHED: ("delta", "increase", "rate"),
}


def check_function(boundary: Boundary, function: str) -> None:
    """Refuse a function that cannot do with samples from outside of its window.

    Raises:
        ExecutionError: It is such a function.
    """
    allowed = _FUNCTIONS[boundary]
    if function and function not in allowed:
        raise ExecutionError(
            f"{boundary} modifier can only be used with: {', '.join(allowed)} - not with {function}"
        )


def cut_bounded_windows(
    block: SeriesBlock, *, end_ms: Ints, range_ms: int, lookback_ms: int, boundary: Boundary
) -> WindowBlock:
    """Return the windows with the samples that say what there is at their edges.

    The first sample of a window may lie at or before its left edge, the last one of a smoothed
    window at or after its right edge. A window is empty when it has no sample after its left
    edge, a smoothed one also when it has none up to its right edge.
    """
    block = without_stale_markers(block)
    start_ms = end_ms - range_ms
    is_smoothed = boundary is Boundary.SMOOTHED
    farthest_ms = end_ms + lookback_ms if is_smoothed else end_ms
    # `x - 1` finds the samples before x, and not at it.
    edges = np.concatenate([start_ms - lookback_ms, start_ms, end_ms - 1, end_ms, farthest_ms])
    found = positions(block.offsets, block.timestamps_ms, edges)
    oldest, inside, reaching, after, newest = np.split(found, 5, axis=1)
    first = np.maximum(oldest, inside - 1)
    last = np.minimum(reaching + 1, newest) if is_smoothed else newest
    has_samples = last > inside
    if is_smoothed:
        has_samples &= first < after
    return WindowBlock(
        label_sets=block.label_sets,
        drop_name=np.zeros(len(block.label_sets), dtype=np.bool_),
        timestamps_ms=block.timestamps_ms,
        values=block.values,
        first=first,
        last=np.where(has_samples, last, first),
        end_ms=end_ms,
        range_ms=range_ms,
        boundary=boundary,
    )


def smoothed_instant(block: SeriesBlock, at_ms: Ints, lookback_ms: int) -> InstantSelection:
    """Return what lies on the line between the samples around each time, within the look-back.

    After the last sample its value goes on; before the first one there is nothing.
    """
    block = without_stale_markers(block)
    shape = (len(block.label_sets), len(at_ms))
    if not len(block):
        return InstantSelection(
            np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
        )
    edges = np.concatenate([at_ms - lookback_ms, at_ms, at_ms + lookback_ms])
    oldest, after, newest = np.split(
        positions(block.offsets, block.timestamps_ms, edges), 3, axis=1
    )
    before = np.maximum(after - 1, 0)
    following = np.minimum(after, len(block) - 1)
    times, values = block.timestamps_ms, block.values
    on_line = interpolate(times[before], values[before], times[following], values[following], at_ms)
    is_between = (newest > after) & (times[before] < at_ms)
    return InstantSelection(
        np.where(is_between, on_line, values[before]), times[before], after > oldest
    )


def edge_values(window: WindowBlock, *, is_counter: bool) -> tuple[Floats, Floats]:
    """Return the value at the left and at the right edge of each window.

    Args:
        window: The windows; meaningless where they are empty.
        is_counter: Whether a fall between two samples is a restart at zero.
    """
    first, last = window.first, window.last - 1
    left, right = window.gather(window.values, first), window.gather(window.values, last)
    if window.boundary is not Boundary.SMOOTHED:
        return left, right
    start_ms = window.end_ms - window.range_ms
    left = np.where(
        window.gather_times(first) < start_ms,
        _on_line(window, first, start_ms, is_counter=is_counter),
        left,
    )
    right = np.where(
        window.gather_times(last) > window.end_ms,
        _on_line(window, last - 1, window.end_ms, is_counter=is_counter),
        right,
    )
    return left, right


def strictly_inside(window: WindowBlock) -> tuple[Ints, Ints]:
    """Return the first and last (exclusive) sample between the edges of each window."""
    start_ms = window.end_ms - window.range_ms
    first = window.first + (window.gather_times(window.first) <= start_ms)
    last = window.last - (window.gather_times(window.last - 1) >= window.end_ms)
    return first, np.maximum(first, last)


def with_edges_as_samples(window: WindowBlock) -> WindowBlock:
    """Return the only window of each series with samples at its edges, as a plain selector gives it."""
    left, right = edge_values(window, is_counter=False)
    first, last = strictly_inside(window)
    edges_ms = np.array([window.end_ms[0] - window.range_ms, window.end_ms[0]])
    times, values, counts = [], [], []
    for row in np.flatnonzero(window.has_samples[:, 0]).tolist():
        inside = slice(first[row, 0], last[row, 0])
        times += [edges_ms[:1], window.timestamps_ms[inside], edges_ms[1:]]
        values += [left[row], window.values[inside], right[row]]
        counts.append(last[row, 0] - first[row, 0] + 2)
    lengths = np.zeros((len(window.label_sets), 1), dtype=np.int64)
    lengths[window.has_samples] = counts
    ends = np.cumsum(lengths, axis=0)
    return replace(
        window,
        timestamps_ms=np.concatenate([np.zeros(0, dtype=np.int64), *times]),
        values=np.concatenate([np.zeros(0), *values]),
        first=ends - lengths,
        last=ends,
    )


def interpolate(
    before_ms: Ints,
    before: Floats,
    after_ms: Ints,
    after: Floats,
    at_ms: Ints,
) -> Floats:
    """Return what lies on the line between two samples at some times."""
    return np.asarray(
        before + (after - before) * (at_ms - before_ms) / (after_ms - before_ms), dtype=np.float64
    )


def _on_line(window: WindowBlock, index: Ints, at_ms: Ints, *, is_counter: bool) -> Floats:
    """Return what lies between the samples `index` and the one after it."""
    before = window.gather(window.values, index)
    after = window.gather(window.values, index + 1)
    if is_counter:
        before = np.where(after < before, 0.0, before)
    return interpolate(
        window.gather_times(index), before, window.gather_times(index + 1), after, at_ms
    )
