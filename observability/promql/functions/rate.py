"""`rate`, `increase`, `delta`, `irate`, `idelta`: how fast something grows.

Source: Prometheus 3, promql/functions.go (`extrapolatedRate`, `instantValue`).
"""

from collections.abc import Iterator

import numpy as np

from observability.promql.blocks import Bools, Floats, Ints, VectorBlock
from observability.promql.functions.signature import Operands, VectorFunction, each_window
from observability.promql.labels import METRIC_NAME, label_value
from observability.promql.syntax import Call
from observability.promql.windows import WindowBlock

_COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")


def extrapolated_rate(
    window: WindowBlock, *, is_counter: bool, is_rate: bool
) -> tuple[Floats, Bools]:
    """Return how much each window's series grew over the whole window.

    What the samples show is stretched to the window's edges: all the way where the edge
    is at most 1.1 average sample distances away, else by half a distance; a counter
    is not stretched to before it would have been zero.

    Args:
        window: The windows; those with fewer than two samples give nothing.
        is_counter: Whether a fall is a restart at zero.
        is_rate: Whether to divide by the window's length.
    """
    present = window.counts >= 2
    first_value = window.gather(window.values, window.first)
    growth = window.gather(window.values, window.last - 1) - first_value
    if is_counter:
        growth = _add_back_resets(growth, window)
    first_ms = _timestamps(window, window.first)
    last_ms = _timestamps(window, window.last - 1)
    to_start = (first_ms - (window.end_ms - window.range_ms)) / 1000
    to_end = (window.end_ms - last_ms) / 1000
    sampled = (last_ms - first_ms) / 1000
    average = sampled / (window.counts - 1)
    threshold = average * 1.1
    to_start = np.where(to_start >= threshold, average / 2, to_start)
    if is_counter:
        to_zero = sampled * (first_value / growth)
        reaches_zero = (growth > 0) & (first_value >= 0) & (to_zero < to_start)
        to_start = np.where(reaches_zero, to_zero, to_start)
    to_end = np.where(to_end >= threshold, average / 2, to_end)
    factor = (sampled + to_start + to_end) / sampled
    if is_rate:
        factor = factor / (window.range_ms / 1000)
    return growth * factor, present


def instant_change(window: WindowBlock, *, is_rate: bool) -> tuple[Floats, Bools]:
    """Return the change between the last two samples of each window.

    Args:
        window: The windows; those with fewer than two samples give nothing.
        is_rate: Whether the series is a counter and the change is given per second.
    """
    last = window.gather(window.values, window.last - 1)
    before = window.gather(window.values, window.last - 2)
    change = last - before
    if is_rate:
        change = np.where(last < before, last, change)
        elapsed_ms = _timestamps(window, window.last - 1) - _timestamps(window, window.last - 2)
        change = change / (elapsed_ms / 1000)
    return change, window.counts >= 2


def _add_back_resets(growth: Floats, window: WindowBlock) -> Floats:
    """Return `growth` with what the counter had reached before each restart added."""
    values = window.values
    falls = np.flatnonzero(values[1:] < values[:-1]) + 1
    # A fall at a series' first sample, from another series' last, lies in no window's inside.
    begin = np.searchsorted(falls, window.first, side="right")
    end = np.searchsorted(falls, window.last, side="left")
    lost = values[falls - 1]
    for nth in range(int((end - begin).max(initial=0))):
        index = begin + nth
        growth = growth + np.where(index < end, window.gather(lost, index), 0.0)
    return growth


def _timestamps(window: WindowBlock, index: Ints) -> Ints:
    if not window.timestamps_ms.size:
        return np.zeros(index.shape, dtype=np.int64)
    return window.timestamps_ms[np.clip(index, 0, window.timestamps_ms.size - 1)]


def _of_counter(kernel: VectorFunction) -> VectorFunction:
    """Return the function with an info where a metric's name is not a counter's."""

    def apply(call: Call, operands: Operands) -> Iterator[VectorBlock]:
        for block in kernel(call, operands):
            is_shown = block.present.any(axis=1)
            for row in np.flatnonzero(is_shown).tolist():
                labels = block.label_sets[row]
                name = label_value(labels, METRIC_NAME)
                if name and not name.endswith(_COUNTER_SUFFIXES):
                    operands.context.annotations.inform(
                        "metric might not be a counter, name does not end in "
                        f'_total/_sum/_count/_bucket: "{name}"'
                    )
            yield block

    return apply


def _rate(window: WindowBlock) -> tuple[Floats, Bools]:
    return extrapolated_rate(window, is_counter=True, is_rate=True)


def _increase(window: WindowBlock) -> tuple[Floats, Bools]:
    return extrapolated_rate(window, is_counter=True, is_rate=False)


def _delta(window: WindowBlock) -> tuple[Floats, Bools]:
    return extrapolated_rate(window, is_counter=False, is_rate=False)


def _irate(window: WindowBlock) -> tuple[Floats, Bools]:
    return instant_change(window, is_rate=True)


def _idelta(window: WindowBlock) -> tuple[Floats, Bools]:
    return instant_change(window, is_rate=False)


FUNCTIONS: dict[str, VectorFunction] = {
    "rate": _of_counter(each_window(_rate)),
    "increase": _of_counter(each_window(_increase)),
    "delta": each_window(_delta),
    "irate": each_window(_irate),
    "idelta": each_window(_idelta),
}
