"""`*_over_time`: one value for the samples of each window."""

from collections.abc import Callable

import numpy as np

from observability.promql.blocks import Bools, Floats
from observability.promql.functions.signature import (
    RollupKernel,
    VectorFunction,
    each_window,
    of_column,
)
from observability.promql.rollups import RollupWindows
from observability.promql.storage import RollupColumn
from observability.promql.summation import Sum, zero_sum
from observability.promql.windows import WindowBlock

_SCALE = 2.0**-64


def count_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return how many samples each window has."""
    return window.counts.astype(np.float64), window.counts > 0


def count_in_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    """Return the same from rollups."""
    return windows.total(windows.counts), windows.has_samples


def present_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return 1 for each window that has a sample."""
    return np.ones(window.counts.shape), window.counts > 0


def first_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the oldest sample of each window."""
    return window.gather(window.values, window.first), window.counts > 0


def last_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the newest sample of each window."""
    return window.gather(window.values, window.last - 1), window.counts > 0


def min_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the least value of each window; NaN only where there is nothing else."""
    return _extreme(window, np.fmin), window.counts > 0


def max_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the greatest value of each window; NaN only where there is nothing else."""
    return _extreme(window, np.fmax), window.counts > 0


def sum_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the sum of each window, compensated for rounding."""
    return fold_sum(window, np.positive).value, window.counts > 0


def avg_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the mean of each window, which does not overflow where its sum would."""
    counts = np.maximum(window.counts, 1)
    sums = fold_sum(window, np.positive)
    mean = sums.total / counts + sums.compensation / counts
    overflowed = np.isinf(sums.total)
    if overflowed.any():
        small = fold_sum(window, lambda values: values * _SCALE)
        scaled = (small.total / counts + small.compensation / counts) / _SCALE
        mean = np.where(overflowed, scaled, mean)
    return mean, window.counts > 0


def avg_in_rollups(windows: RollupWindows) -> tuple[Floats, Bools]:
    """Return the same from rollups, unless the sum of a bucket overflows."""
    counts = np.maximum(windows.total(windows.counts), 1)
    sums = fold_sum(windows.of(RollupColumn.SUM), np.positive)
    return sums.total / counts + sums.compensation / counts, windows.has_samples


def stdvar_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the population variance of each window."""
    # Taken from the first sample, so that equal samples deviate by exactly nothing.
    origin = window.gather(window.values, window.first)
    counts = np.maximum(window.counts, 1)
    shifted = fold_sum(window, lambda values: values - origin)
    mean = shifted.value / counts
    squares = fold_sum(window, lambda values: (values - origin - mean) ** 2)
    return squares.value / counts, window.counts > 0


def stddev_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the population standard deviation of each window."""
    variance, present = stdvar_over_time(window)
    return np.sqrt(variance), present


def fold_sum(window: WindowBlock, term: Callable[[Floats], Floats]) -> Sum:
    """Return the compensated sum of `term` of each window's samples."""
    sums = zero_sum(window.counts.shape)
    for values, is_there in window.columns():
        sums = sums.add(np.where(is_there, term(values), 0.0))
    return sums


def _extreme(window: WindowBlock, choose: np.ufunc) -> Floats:
    """Return the extreme of each window; meaningless where it is empty."""
    # `reduceat` takes pairs of edges, and wants the last edge to be an index of its own.
    flat = np.append(window.values, np.nan)
    edges = np.stack([window.first, window.last], axis=-1).reshape(-1)
    if not edges.size:
        return np.zeros(window.counts.shape)
    return np.asarray(choose.reduceat(flat, edges)[::2].reshape(window.counts.shape))


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
