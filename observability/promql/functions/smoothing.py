"""`double_exponential_smoothing`: the last value of a window, smoothed with its trend."""

from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats
from observability.promql.errors import ExecutionError
from observability.promql.functions.signature import VectorFunction, each_window
from observability.promql.windows import WindowBlock


def double_exponential_smoothing(
    window: WindowBlock, smoothing: Floats, trend: Floats
) -> tuple[Floats, Bools]:
    """Return the smoothed value of each window that has two samples or more.

    Raises:
        ExecutionError: A factor is not between 0 and 1 at a step that has samples.
    """
    is_used = np.logical_or.reduce(window.has_samples, axis=0)
    _check("smoothing", "sf", smoothing, is_used)
    _check("trend", "tf", trend, is_used)
    return (
        _smoothed(window.values, window.first, window.last, smoothing, trend),
        window.counts >= 2,
    )


def _check(name: str, symbol: str, factors: Floats, is_used: Bools) -> None:
    wrong = factors[is_used & ((factors <= 0) | (factors >= 1))]
    if len(wrong):
        raise ExecutionError(
            f"invalid {name} factor. Expected: 0 < {symbol} < 1, got: {wrong[0]:f}"
        )


@njit(nogil=True, cache=True)
def _smoothed(values: Any, first: Any, last: Any, smoothing: Any, trend: Any) -> Any:
    found = np.zeros(first.shape)
    series_count, step_count = first.shape
    for series in range(series_count):
        for step in range(step_count):
            begin, end = first[series, step], last[series, step]
            if end - begin < 2:
                continue
            share, trend_share = smoothing[step], trend[step]
            before = level = values[begin]
            slope = values[begin + 1] - values[begin]
            for i in range(begin + 1, end):
                if i > begin + 1:
                    slope = trend_share * (level - before) + (1 - trend_share) * slope
                before, level = level, share * values[i] + (1 - share) * (level + slope)
            found[series, step] = level
    return found


_smoothing = each_window(double_exponential_smoothing)

FUNCTIONS: dict[str, VectorFunction] = {
    "double_exponential_smoothing": _smoothing,
    # Its name up to Prometheus 2.
    "holt_winters": _smoothing,
}
