"""`changes` and `resets`: how often neighbouring samples of a window differ, or fall."""

from collections.abc import Callable

import numpy as np

from observability.promql.blocks import Bools, Floats, Ints
from observability.promql.functions.signature import RollupKernel, VectorFunction, each_window
from observability.promql.rollups import RollupWindows
from observability.promql.storage import RollupColumn
from observability.promql.windows import WindowBlock


def count_pairs(
    window: WindowBlock, holds: Callable[[Floats, Floats], Bools]
) -> tuple[Floats, Bools]:
    """Return for how many neighbours (older, newer) of each window `holds` is true."""
    pairs = holds(window.values[:-1], window.values[1:])
    return _count(pairs, window.first, window.last), window.counts > 0


def count_in_rollups(
    windows: RollupWindows, column: RollupColumn, holds: Callable[[Floats, Floats], Bools]
) -> tuple[Floats, Bools]:
    """Return the same, from what `column` counted inside buckets and what holds between them."""
    between = holds(
        windows.columns[RollupColumn.LAST][:-1], windows.columns[RollupColumn.FIRST][1:]
    )
    found = windows.total(windows.columns[column]) + _count(between, windows.first, windows.last)
    return found, windows.has_samples


def _count(pairs: Bools, first: Ints, last: Ints) -> Floats:
    """Return how many of the pairs lie in each window; pair i is of neighbours i and i + 1."""
    before = np.concatenate([np.zeros(2, dtype=np.int64), np.cumsum(pairs)])
    # `before[i]` counts the pairs whose newer sample comes before sample i.
    newest = np.maximum(last, 1)
    oldest = np.minimum(first + 1, newest)
    found: Floats = (before[newest] - before[oldest]).astype(np.float64)
    return found


def _differs(older: Floats, newer: Floats) -> Bools:
    return np.asarray((older != newer) & ~(np.isnan(older) & np.isnan(newer)))


def _changes(window: WindowBlock) -> tuple[Floats, Bools]:
    return count_pairs(window, _differs)


def _changes_of_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    return count_in_rollups(windows, RollupColumn.CHANGES, _differs)


def _resets(window: WindowBlock) -> tuple[Floats, Bools]:
    return count_pairs(window, np.greater)


def _resets_of_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    return count_in_rollups(windows, RollupColumn.RESETS, np.greater)


_ENDS = frozenset({RollupColumn.FIRST, RollupColumn.LAST})

FUNCTIONS: dict[str, VectorFunction] = {
    "changes": each_window(
        _changes, rollups=RollupKernel(_ENDS | {RollupColumn.CHANGES}, _changes_of_rollups)
    ),
    "resets": each_window(
        _resets, rollups=RollupKernel(_ENDS | {RollupColumn.RESETS}, _resets_of_rollups)
    ),
}
