"""`deriv` and `predict_linear`: the straight line through the samples of a window."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats, VectorBlock
from observability.promql.functions.signature import VectorFunction, each_window
from observability.promql.operands import Operands
from observability.promql.summation import increment
from observability.promql.syntax import Call
from observability.promql.windows import WindowBlock


def deriv(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the slope per second of each window that has two samples or more."""
    # Times are taken from the first sample's, because large ones would cost precision.
    origins_ms = window.gather_times(window.first)
    slopes, _ = linear_regression(
        window.timestamps_ms, window.values, window.first, window.last, origins_ms
    )
    return slopes, window.counts >= 2


def _predict_linear(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    """Yield what the line reaches so many seconds after the evaluation time."""
    seconds = operands.scalar(call.args[1])
    now_ms = operands.context.steps.timestamps_ms
    for window in operands.windows(call.args[0], function=call.function):
        slopes, intercepts = linear_regression(
            window.timestamps_ms,
            window.values,
            window.first,
            window.last,
            np.tile(now_ms, (len(window.first), 1)),
        )
        yield VectorBlock(
            label_sets=window.label_sets,
            values=slopes * seconds + intercepts,
            present=window.counts >= 2,
            drop_name=np.ones(len(window.label_sets), dtype=np.bool_),
        )


@njit(nogil=True, cache=True, error_model="numpy")
def linear_regression(
    timestamps_ms: Any, values: Any, first: Any, last: Any, origins_ms: Any
) -> Any:
    """Return the slope per second and the value at `origins_ms` of each window's line.

    It is the least-squares line. Windows of equal values have a slope of exactly 0.

    Args:
        timestamps_ms: int64, one series after the other.
        values: float64, likewise.
        first: int64, series x steps: where each window begins.
        last: int64, series x steps: where it ends, exclusive.
        origins_ms: int64, series x steps.
    """
    slopes = np.zeros(first.shape)
    intercepts = np.zeros(first.shape)
    series_count, step_count = first.shape
    for series in range(series_count):
        for step in range(step_count):
            begin, end = first[series, step], last[series, step]
            count = end - begin
            if count < 2:
                continue
            x_sum = x_lost = y_sum = y_lost = xy_sum = xy_lost = xx_sum = xx_lost = 0.0
            is_constant = True
            for i in range(begin, end):
                x = (timestamps_ms[i] - origins_ms[series, step]) / 1000
                y = values[i]
                if y != values[begin] and i > begin:
                    is_constant = False
                x_sum, x_lost = increment(x_sum, x_lost, x)
                y_sum, y_lost = increment(y_sum, y_lost, y)
                xy_sum, xy_lost = increment(xy_sum, xy_lost, x * y)
                xx_sum, xx_lost = increment(xx_sum, xx_lost, x * x)
            if is_constant:
                is_infinite = np.isinf(values[begin])
                slopes[series, step] = np.nan if is_infinite else 0.0
                intercepts[series, step] = np.nan if is_infinite else values[begin]
                continue
            x_sum += x_lost
            y_sum += y_lost
            covariance = xy_sum + xy_lost - x_sum * y_sum / count
            variance = xx_sum + xx_lost - x_sum * x_sum / count
            slope = covariance / variance
            slopes[series, step] = slope
            intercepts[series, step] = y_sum / count - slope * x_sum / count
    return slopes, intercepts


FUNCTIONS: dict[str, VectorFunction] = {
    "deriv": each_window(deriv),
    "predict_linear": _predict_linear,
}
