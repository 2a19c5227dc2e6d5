"""`*_over_time`: one value for the samples of each window."""

from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats
from observability.promql.functions.signature import (
    RollupKernel,
    VectorFunction,
    each_window,
    of_column,
)
from observability.promql.rollups import RollupWindows
from observability.promql.storage import RollupColumn
from observability.promql.summation import increment
from observability.promql.window_sums import window_sums
from observability.promql.windows import WindowBlock, longest_run

_SCALE = 2.0**-64


def count_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return how many samples each window has."""
    return window.counts.astype(np.float64), window.has_samples


def count_in_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    """Return the same from rollups."""
    return windows.total(windows.counts), windows.has_samples


def present_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return 1 for each window that has a sample."""
    return np.ones(window.counts.shape), window.has_samples


def first_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the oldest sample of each window."""
    return window.gather(window.values, window.first), window.has_samples


def last_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the newest sample of each window."""
    return window.gather(window.values, window.last - 1), window.has_samples


def min_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the least value of each window; NaN only where there is nothing else."""
    return _extremes(window.values, window.first, window.last, False), window.has_samples


def max_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the greatest value of each window; NaN only where there is nothing else."""
    return _extremes(window.values, window.first, window.last, True), window.has_samples


def sum_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the sum of each window, compensated for rounding."""
    total, compensation = window_sums(window)
    return total + compensation, window.has_samples


def avg_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the mean of each window, which does not overflow where its sum would."""
    counts = np.maximum(window.counts, 1)
    total, compensation = window_sums(window)
    mean = total / counts + compensation / counts
    overflowed = np.isinf(total)
    if overflowed.any():
        small, compensation = window_sums(replace(window, values=window.values * _SCALE))
        mean = np.where(overflowed, (small / counts + compensation / counts) / _SCALE, mean)
    return mean, window.has_samples


def avg_in_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    """Return the same from rollups, unless the sum of a bucket overflows."""
    counts = np.maximum(windows.total(windows.counts), 1)
    total, compensation = window_sums(windows.of(RollupColumn.SUM))
    return total / counts + compensation / counts, windows.has_samples


def stdvar_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the population variance of each window."""
    return _variances(window.values, window.first, window.last), window.has_samples


def stddev_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the population standard deviation of each window."""
    variance, present = stdvar_over_time(window)
    return np.sqrt(variance), present


@njit(nogil=True, cache=True)
def _extremes(values: Any, first: Any, last: Any, is_max: bool) -> Any:
    """Return the extreme of each window; meaningless where it is empty.

    Candidates wait in a queue, each one more extreme than those after it, so that a sample
    is looked at twice however many windows it lies in.
    """
    series_count, step_count = first.shape
    found = np.empty((series_count, step_count))
    queue = np.empty(2 * longest_run(first, last), dtype=np.int64)
    for series in range(series_count):
        head = tail = 0
        begin = reached = 0
        for step in range(step_count):
            if first[series, step] < begin:
                head = tail = reached = 0
            begin = first[series, step]
            while head < tail and queue[head] < begin:
                head += 1
            for i in range(max(reached, begin), last[series, step]):
                value = values[i]
                if np.isnan(value):
                    continue
                while head < tail and (
                    values[queue[tail - 1]] <= value if is_max else values[queue[tail - 1]] >= value
                ):
                    tail -= 1
                if tail == len(queue):
                    queue[: tail - head] = queue[head:tail]
                    head, tail = 0, tail - head
                queue[tail] = i
                tail += 1
            reached = max(reached, last[series, step])
            found[series, step] = values[queue[head]] if head < tail else np.nan
    return found


@njit(nogil=True, cache=True, error_model="numpy")
def _variances(values: Any, first: Any, last: Any) -> Any:
    series_count, step_count = first.shape
    found = np.zeros((series_count, step_count))
    for series in range(series_count):
        for step in range(step_count):
            begin, end = first[series, step], last[series, step]
            if begin == end:
                continue
            # Taken from the first sample, so that equal samples deviate by exactly nothing.
            origin, count = values[begin], end - begin
            total = lost = 0.0
            for i in range(begin, end):
                total, lost = increment(total, lost, values[i] - origin)
            mean = (total + lost) / count
            total = lost = 0.0
            for i in range(begin, end):
                total, lost = increment(total, lost, (values[i] - origin - mean) ** 2)
            found[series, step] = (total + lost) / count
    return found


FUNCTIONS: dict[str, VectorFunction] = {
    "count_over_time": each_window(
        count_over_time, rollups=RollupKernel(frozenset(), count_in_rollups)
    ),
    "present_over_time": each_window(
        present_over_time, rollups=of_column(RollupColumn.LAST, present_over_time)
    ),
    "first_over_time": each_window(
        first_over_time,
        keeps_name=True,
        rollups=of_column(RollupColumn.FIRST, first_over_time),
    ),
    "last_over_time": each_window(
        last_over_time,
        keeps_name=True,
        rollups=of_column(RollupColumn.LAST, last_over_time),
    ),
    "min_over_time": each_window(min_over_time, rollups=of_column(RollupColumn.MIN, min_over_time)),
    "max_over_time": each_window(max_over_time, rollups=of_column(RollupColumn.MAX, max_over_time)),
    "sum_over_time": each_window(sum_over_time, rollups=of_column(RollupColumn.SUM, sum_over_time)),
    "avg_over_time": each_window(
        avg_over_time, rollups=RollupKernel(frozenset({RollupColumn.SUM}), avg_in_rollups)
    ),
    "stdvar_over_time": each_window(stdvar_over_time),
    "stddev_over_time": each_window(stddev_over_time),
}
