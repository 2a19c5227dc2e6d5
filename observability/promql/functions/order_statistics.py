"""`quantile_over_time` and `mad_over_time`: what the samples of a window are when sorted."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats, VectorBlock
from observability.promql.functions.signature import VectorFunction, each_window
from observability.promql.operands import Operands
from observability.promql.quantile import quantile_of, warn_of_invalid_quantile
from observability.promql.syntax import Call
from observability.promql.windows import WindowBlock


def quantile_over_time(window: WindowBlock, qs: Floats) -> tuple[Floats, Bools]:
    """Return the quantile of each window, of a rank that may change from step to step."""
    return _quantiles(window.values, window.first, window.last, qs), window.has_samples


def mad_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the median absolute deviation of each window; NaN where a sample is NaN."""
    return _median_deviations(window.values, window.first, window.last), window.has_samples


def _quantile_over_time(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    qs = operands.scalar(call.args[0])
    is_used = np.zeros(len(qs), dtype=np.bool_)
    for block in _quantile_windows(call, operands):
        is_used |= block.present.any(axis=0)
        yield block
    for q in np.unique(qs[is_used]).tolist():
        warn_of_invalid_quantile(q, call.args[0].span, operands.context.annotations)


_quantile_windows = each_window(quantile_over_time, window_argument=1)


@njit(nogil=True, cache=True)
def _quantiles(values: Any, first: Any, last: Any, qs: Any) -> Any:
    found = np.zeros(first.shape)
    series_count, step_count = first.shape
    buffer = np.empty(_longest(first, last))
    for series in range(series_count):
        for step in range(step_count):
            begin, end = first[series, step], last[series, step]
            count = end - begin
            buffer[:count] = values[begin:end]
            found[series, step] = quantile_of(qs[step], buffer, count)
    return found


@njit(nogil=True, cache=True)
def _median_deviations(values: Any, first: Any, last: Any) -> Any:
    found = np.zeros(first.shape)
    series_count, step_count = first.shape
    buffer = np.empty(_longest(first, last))
    for series in range(series_count):
        for step in range(step_count):
            begin, end = first[series, step], last[series, step]
            count = end - begin
            buffer[:count] = values[begin:end]
            if np.isnan(buffer[:count]).any():
                found[series, step] = np.nan
                continue
            median = quantile_of(0.5, buffer, count)
            buffer[:count] = np.abs(buffer[:count] - median)
            found[series, step] = quantile_of(0.5, buffer, count)
    return found


@njit(nogil=True, cache=True)
def _longest(first: Any, last: Any) -> int:
    longest = 0
    series_count, step_count = first.shape
    for series in range(series_count):
        for step in range(step_count):
            longest = max(longest, last[series, step] - first[series, step])
    return longest


FUNCTIONS: dict[str, VectorFunction] = {
    "quantile_over_time": _quantile_over_time,
    "mad_over_time": each_window(mad_over_time),
}
