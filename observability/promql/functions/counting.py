"""`changes` and `resets`: how often neighbouring samples of a window differ, or fall."""

from collections.abc import Callable

import numpy as np

from observability.promql.blocks import Bools, Floats
from observability.promql.functions.signature import VectorFunction, each_window
from observability.promql.windows import WindowBlock


def count_pairs(
    window: WindowBlock, holds: Callable[[Floats, Floats], Bools]
) -> tuple[Floats, Bools]:
    """Return for how many neighbours (older, newer) of each window `holds` is true."""
    pairs = holds(window.values[:-1], window.values[1:])
    before = np.concatenate([np.zeros(2, dtype=np.int64), np.cumsum(pairs)])
    # `before[i]` counts the pairs whose newer sample comes before sample i.
    newest = np.maximum(window.last, 1)
    oldest = np.minimum(window.first + 1, newest)
    found: Floats = (before[newest] - before[oldest]).astype(np.float64)
    return found, window.counts > 0


def _differs(older: Floats, newer: Floats) -> Bools:
    return np.asarray((older != newer) & ~(np.isnan(older) & np.isnan(newer)))


def _changes(window: WindowBlock) -> tuple[Floats, Bools]:
    return count_pairs(window, _differs)


def _resets(window: WindowBlock) -> tuple[Floats, Bools]:
    return count_pairs(window, np.greater)


FUNCTIONS: dict[str, VectorFunction] = {
    "changes": each_window(_changes),
    "resets": each_window(_resets),
}
