"""`*_over_time`: one value for the samples of each window."""

import numpy as np

from observability.promql.blocks import Bools, Floats
from observability.promql.functions.signature import VectorFunction, each_window
from observability.promql.summation import Sum, zero_sum
from observability.promql.windows import WindowBlock, fold_windows

_SCALE = 2.0**-64


def count_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return how many samples each window has."""
    return window.counts.astype(np.float64), window.counts > 0


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
    return window_sums(window, scale=1.0).value, window.counts > 0


def avg_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the mean of each window, which does not overflow where its sum would."""
    counts = np.maximum(window.counts, 1)
    sums = window_sums(window, scale=1.0)
    mean = sums.total / counts + sums.compensation / counts
    overflowed = np.isinf(sums.total)
    if overflowed.any():
        small = window_sums(window, scale=_SCALE)
        scaled = (small.total / counts + small.compensation / counts) / _SCALE
        mean = np.where(overflowed, scaled, mean)
    return mean, window.counts > 0


def stdvar_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the population variance of each window."""
    mean, present = avg_over_time(window)
    squares = zero_sum(mean.shape)

    def step(values: Floats, has_value: Bools) -> None:
        nonlocal squares
        squares = squares.add(np.where(has_value, (values - mean) ** 2, 0.0))

    fold_windows(window, step)
    return squares.value / np.maximum(window.counts, 1), present


def stddev_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the population standard deviation of each window."""
    variance, present = stdvar_over_time(window)
    return np.sqrt(variance), present


def window_sums(window: WindowBlock, *, scale: float) -> Sum:
    """Return the compensated sum of each window's samples, each multiplied by `scale` first."""
    sums = zero_sum(window.counts.shape)

    def step(values: Floats, has_value: Bools) -> None:
        nonlocal sums
        sums = sums.add(np.where(has_value, values * scale, 0.0))

    fold_windows(window, step)
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
    "count_over_time": each_window(count_over_time),
    "present_over_time": each_window(present_over_time),
    "first_over_time": each_window(first_over_time, keeps_name=True),
    "last_over_time": each_window(last_over_time, keeps_name=True),
    "min_over_time": each_window(min_over_time),
    "max_over_time": each_window(max_over_time),
    "sum_over_time": each_window(sum_over_time),
    "avg_over_time": each_window(avg_over_time),
    "stdvar_over_time": each_window(stdvar_over_time),
    "stddev_over_time": each_window(stddev_over_time),
}
