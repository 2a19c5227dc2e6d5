"""Functions of range vectors in the reference: one value for the samples of one window."""

import math
from itertools import pairwise

from observability.promql.labels import LabelSet
from observability.promql.syntax import Boundary

from .numbers import extreme, mean, quantile, total, variance
from .series import RefusedError, Samples, Window, is_stale

LOOKBACK_MS = 300_000


def of_window(name: str, window: Window, numbers: list[float]) -> float | None:
    """Return the value of a function, None where it gives nothing."""
    if window.boundary is not None:
        return _bounded(name, window)
    if not window.samples:
        return None
    values = window.values
    if name.endswith("_over_time"):
        return _over_time(name.removesuffix("_over_time"), window.samples, numbers)
    if name in ("changes", "resets"):
        return _count_pairs(name, values)
    if name == "double_exponential_smoothing":
        _check_factors(numbers)
    if len(values) < 2:
        return None
    (before_ms, before), (last_ms, last) = window.samples[-2:]
    match name:
        case "double_exponential_smoothing":
            return _smoothed(values, *numbers)
        case "idelta":
            return last - before
        case "irate":
            return (last if last < before else last - before) / ((last_ms - before_ms) / 1000)
        case "deriv":
            return _line(window.samples, window.samples[0][0])[0]
        case "predict_linear":
            slope, intercept = _line(window.samples, window.at_ms)
            return slope * numbers[0] + intercept
        case _:
            return _extrapolated(name, window)


def _count_pairs(name: str, values: list[float]) -> float:
    if name == "resets":
        return float(sum(after < before for before, after in pairwise(values)))
    return float(
        sum(
            before != after and not (math.isnan(before) and math.isnan(after))
            for before, after in pairwise(values)
        )
    )


def _over_time(name: str, samples: Samples, numbers: list[float]) -> float:
    values = [value for _, value in samples]
    match name:
        case "sum":
            return total(values)
        case "avg":
            return mean(values)
        case "min":
            return extreme(values, min)
        case "max":
            return extreme(values, max)
        case "count":
            return float(len(values))
        case "present":
            return 1.0
        case "stdvar":
            return variance(values)
        case "stddev":
            return math.sqrt(variance(values))
        case "first":
            return values[0]
        case "last":
            return values[-1]
        case "quantile":
            return quantile(numbers[0], values)
        case "mad":
            if any(math.isnan(value) for value in values):
                return math.nan
            median = quantile(0.5, values)
            return quantile(0.5, [abs(value - median) for value in values])
        case "ts_of_first":
            return samples[0][0] / 1000
        case "ts_of_last":
            return samples[-1][0] / 1000
        case "ts_of_max" | "ts_of_min":
            best = extreme(values, max if name == "ts_of_max" else min)
            same = [time for time, value in samples if value == best or math.isnan(best)]
            return same[-1] / 1000
        case _:
            raise TypeError(f"the reference does not know {name}_over_time")


def _check_factors(factors: list[float]) -> None:
    for factor in factors:
        if factor <= 0 or factor >= 1:
            raise RefusedError("factor. Expected: 0 <")


def _smoothed(values: list[float], share: float, trend_share: float) -> float:
    before, level, trend = values[0], values[0], values[1] - values[0]
    for n, value in enumerate(values[1:]):
        if n:
            trend = trend_share * (level - before) + (1 - trend_share) * trend
        before, level = level, share * value + (1 - share) * (level + trend)
    return level


def _line(samples: Samples, origin_ms: int) -> tuple[float, float]:
    """Return slope per second and the value at a time of the least-squares line."""
    first = samples[0][1]
    if all(value == first for _, value in samples[1:]):
        return (math.nan, math.nan) if math.isinf(first) else (0.0, first)
    times = [(time - origin_ms) / 1000 for time, _ in samples]
    values = [value for _, value in samples]
    x, y = mean(times), mean(values)
    covariance = total((a - x) * (b - y) for a, b in zip(times, values, strict=True))
    slope = covariance / total((a - x) ** 2 for a in times)
    return slope, y - slope * x


def _extrapolated(name: str, window: Window) -> float:
    values, samples = window.values, window.samples
    growth = values[-1] - values[0]
    if name != "delta":
        for previous, current in pairwise(values):
            if current < previous:
                growth += previous
    first_ms, last_ms = samples[0][0], samples[-1][0]
    to_start = (first_ms - (window.end_ms - window.range_ms)) / 1000
    to_end = (window.end_ms - last_ms) / 1000
    sampled = (last_ms - first_ms) / 1000
    average = sampled / (len(samples) - 1)
    if to_start >= average * 1.1:
        to_start = average / 2
    if name != "delta" and growth > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / growth))
    if to_end >= average * 1.1:
        to_end = average / 2
    factor = (sampled + to_start + to_end) / sampled
    return growth * factor / (window.range_ms / 1000 if name == "rate" else 1)


# `anchored` and `smoothed`: the samples around the edges say what there is at them.


def smoothed_value(labels: LabelSet, samples: Samples, at_ms: int) -> float | None:
    """Return what a smoothed instant selector shows of a series."""
    near = _around(samples, at_ms - LOOKBACK_MS, at_ms + LOOKBACK_MS)
    before = [sample for sample in near if sample[0] <= at_ms]
    after = [sample for sample in near if sample[0] > at_ms]
    if not before:
        return None
    if before[-1][0] == at_ms or not after:
        return before[-1][1]
    return _on_line(before[-1], after[0], at_ms)


def _around(samples: Samples, after_ms: int, until_ms: int) -> Samples:
    return [(t, v) for t, v in samples if after_ms < t <= until_ms and not is_stale(v)]


def _on_line(before: tuple[int, float], after: tuple[int, float], at_ms: int) -> float:
    return before[1] + (after[1] - before[1]) * (at_ms - before[0]) / (after[0] - before[0])


def _bounded(name: str, window: Window) -> float | None:
    smooth = window.boundary is Boundary.SMOOTHED
    end_ms, start_ms = window.end_ms, window.end_ms - window.range_ms
    near = _around(window.around, start_ms - LOOKBACK_MS, end_ms + (LOOKBACK_MS if smooth else 0))
    before = [sample for sample in near if sample[0] <= start_ms][-1:]
    inside = [sample for sample in near if start_ms < sample[0] < end_ms]
    after = [sample for sample in near if sample[0] >= end_ms][:1]
    path = before + inside + after
    if not inside + after or path[0][0] > end_ms:
        return None
    if name in ("changes", "resets"):
        return _count_pairs(name, [value for _, value in path])
    is_counter = name != "delta"
    left, right = path[0][1], path[-1][1]
    if smooth and path[0][0] < start_ms:
        left = _counter_line(path[0], path[1], start_ms, is_counter=is_counter)
    if smooth and path[-1][0] > end_ms:
        right = _counter_line(path[-2], path[-1], end_ms, is_counter=is_counter)
    growth = right - left
    if is_counter:
        values = [left, *(value for _, value in inside), right]
        growth += sum(previous for previous, value in pairwise(values) if value < previous)
    return growth / (window.range_ms / 1000) if name == "rate" else growth


def _counter_line(
    before: tuple[int, float], after: tuple[int, float], at_ms: int, *, is_counter: bool
) -> float:
    if is_counter and after[1] < before[1]:
        before = (before[0], 0.0)
    return _on_line(before, after, at_ms)
