"""`ts_of_*_over_time`: when a window's samples were taken, as Unix seconds."""

from typing import Any

import numpy as np
from numba import njit

from observability.promql.blocks import Bools, Floats
from observability.promql.functions.signature import VectorFunction, each_window
from observability.promql.windows import WindowBlock


def ts_of_first_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the time of the oldest sample of each window."""
    return window.gather_times(window.first) / 1000, window.has_samples


def ts_of_last_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the time of the newest sample of each window."""
    return window.gather_times(window.last - 1) / 1000, window.has_samples


def ts_of_max_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the time of the greatest sample of each window, of equal ones the newest."""
    return _time_of_greatest(window, window.values), window.has_samples


def ts_of_min_over_time(window: WindowBlock) -> tuple[Floats, Bools]:
    """Return the time of the least sample of each window, of equal ones the newest."""
    return _time_of_greatest(window, -window.values), window.has_samples


def _time_of_greatest(window: WindowBlock, values: Floats) -> Floats:
    return window.gather_times(_newest_greatest(values, window.first, window.last)) / 1000


@njit(nogil=True, cache=True)
def _newest_greatest(values: Any, first: Any, last: Any) -> Any:
    """Return the index of each window's greatest value; NaN counts as less than all else."""
    found = first.copy()
    series_count, step_count = first.shape
    for series in range(series_count):
        for step in range(step_count):
            best = first[series, step]
            for i in range(best, last[series, step]):
                if values[i] >= values[best] or np.isnan(values[best]):
                    best = i
            found[series, step] = best
    return found


FUNCTIONS: dict[str, VectorFunction] = {
    "ts_of_first_over_time": each_window(ts_of_first_over_time),
    "ts_of_last_over_time": each_window(ts_of_last_over_time),
    "ts_of_max_over_time": each_window(ts_of_max_over_time),
    "ts_of_min_over_time": each_window(ts_of_min_over_time),
}
