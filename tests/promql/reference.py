"""PromQL as slowly and as plainly as it can be said: one series, one step, one sample at a time.

The engine must agree with it. It knows what the property tests ask for, no more.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TypeAlias

from observability.promql.labels import LabelSet, drop_metric_name, label_set
from observability.promql.matchers import matches_all
from observability.promql.staleness import STALE_NAN_BITS
from observability.promql.syntax import (
    Aggregation,
    AggregationOp,
    AtBound,
    Binary,
    BinaryOp,
    Boundary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Unary,
    VectorSelector,
)

from .bits import bits_of

Samples: TypeAlias = list[tuple[int, float]]
Data: TypeAlias = Mapping[LabelSet, Samples]
Vector: TypeAlias = dict[LabelSet, float]

LOOKBACK_MS = 300_000


class Reference:
    """Evaluates an expression at one step of a query."""

    def __init__(self, data: Data, *, at_ms: int, start_ms: int, end_ms: int) -> None:
        self._data = data
        self._at_ms = at_ms
        self._bounds = {AtBound.START: start_ms, AtBound.END: end_ms}

    def evaluate(self, expr: Expr) -> Vector | float:
        """Return a vector or a scalar."""
        match expr:
            case NumberLiteral(value=value):
                return value
            case Paren(expr=inner):
                return self.evaluate(inner)
            case Unary(expr=inner):
                operand = self.evaluate(inner)
                if isinstance(operand, float):
                    return -operand
                return {drop_metric_name(labels): -value for labels, value in operand.items()}
            case VectorSelector():
                return dict(self._select(expr))
            case Call(function=name, args=args):
                (matrix,) = (arg for arg in args if isinstance(arg, MatrixSelector))
                numbers = [arg.value for arg in args if isinstance(arg, NumberLiteral)]
                return self._over_windows(name, matrix, numbers)
            case Aggregation():
                return self._aggregate(expr)
            case Binary():
                return self._binary(expr)
            case _:
                raise TypeError(f"the reference does not know {expr}")

    def _reference_time(self, selector: VectorSelector) -> int:
        at = selector.at
        if at is None:
            at = self._at_ms
        elif isinstance(at, AtBound):
            at = self._bounds[at]
        return at - selector.offset_ms

    def _series(self, selector: VectorSelector) -> Iterator[tuple[LabelSet, Samples]]:
        for labels, samples in self._data.items():
            if matches_all(selector.all_matchers, labels):
                yield labels, samples

    def _select(self, selector: VectorSelector) -> Iterator[tuple[LabelSet, float]]:
        at_ms = self._reference_time(selector)
        if selector.boundary is Boundary.SMOOTHED:
            yield from self._select_smoothed(selector)
            return
        for labels, samples in self._series(selector):
            seen = [value for time, value in samples if at_ms - LOOKBACK_MS < time <= at_ms]
            if seen and not is_stale(seen[-1]):
                yield labels, seen[-1]

    def _select_smoothed(self, selector: VectorSelector) -> Iterator[tuple[LabelSet, float]]:
        at_ms = self._reference_time(selector)
        for labels, samples in self._series(selector):
            near = around(samples, at_ms - LOOKBACK_MS, at_ms + LOOKBACK_MS)
            before = [sample for sample in near if sample[0] <= at_ms]
            after = [sample for sample in near if sample[0] > at_ms]
            if before:
                is_exact = before[-1][0] == at_ms or not after
                yield labels, before[-1][1] if is_exact else on_line(before[-1], after[0], at_ms)

    def _over_windows(self, name: str, matrix: MatrixSelector, numbers: list[float]) -> Vector:
        end_ms = self._reference_time(matrix.selector)
        result = {}
        for labels, samples in self._series(matrix.selector):
            if matrix.selector.boundary is not None:
                smooth = matrix.selector.boundary is Boundary.SMOOTHED
                change = bounded(name, samples, end_ms, matrix.range_ms, smooth=smooth)
                if change is not None:
                    result[drop_metric_name(labels)] = change
                continue
            window = [
                (time, value)
                for time, value in samples
                if end_ms - matrix.range_ms < time <= end_ms and not is_stale(value)
            ]
            value = over_window(name, window, end_ms, matrix.range_ms, numbers)
            if value is not None:
                kept = labels if name == "last_over_time" else drop_metric_name(labels)
                result[kept] = value
        return result

    def _aggregate(self, expr: Aggregation) -> Vector:
        vector = self.evaluate(expr.expr)
        assert isinstance(vector, dict)
        groups: dict[LabelSet, list[float]] = {}
        for labels, value in vector.items():
            names = {*expr.grouping, "__name__"} if expr.without else set(expr.grouping)
            key = {n: v for n, v in labels if (n in names) is not expr.without}
            groups.setdefault(label_set(key), []).append(value)
        if expr.op is AggregationOp.QUANTILE:
            assert isinstance(expr.param, NumberLiteral)
            q = expr.param.value
            return {labels: quantile(q, values) for labels, values in groups.items()}
        fold = AGGREGATIONS[expr.op]
        return {labels: fold(values) for labels, values in groups.items()}

    def _binary(self, expr: Binary) -> Vector | float:
        lhs, rhs = self.evaluate(expr.lhs), self.evaluate(expr.rhs)
        if isinstance(lhs, float) and isinstance(rhs, float):
            return number(expr.op, lhs, rhs)
        if isinstance(lhs, dict) and isinstance(rhs, dict):
            return self._between_vectors(expr, lhs, rhs)
        vector = lhs if isinstance(lhs, dict) else rhs
        assert isinstance(vector, dict)
        result: Vector = {}
        for labels, value in vector.items():
            left = value if isinstance(lhs, dict) else lhs
            right = value if isinstance(rhs, dict) else rhs
            assert isinstance(left, float)
            assert isinstance(right, float)
            self._put(result, expr, labels, value, number(expr.op, left, right))
        return result

    def _between_vectors(self, expr: Binary, lhs: Vector, rhs: Vector) -> Vector:
        partners = {drop_metric_name(labels): value for labels, value in rhs.items()}
        assert len(partners) == len(rhs)
        result: Vector = {}
        for labels, value in lhs.items():
            partner = partners.get(drop_metric_name(labels))
            if partner is not None:
                self._put(result, expr, labels, value, number(expr.op, value, partner))
        return result

    @staticmethod
    def _put(result: Vector, expr: Binary, labels: LabelSet, value: float, outcome: float) -> None:
        if not expr.op.is_comparison or expr.return_bool:
            result[drop_metric_name(labels)] = outcome
        elif outcome:
            result[labels] = value


def is_stale(value: float) -> bool:
    return bits_of(value) == STALE_NAN_BITS


def number(op: BinaryOp, a: float, b: float) -> float:
    return OPERATORS[op](a, b)


def _divide(a: float, b: float) -> float:
    if b:
        return a / b
    if a == 0 or math.isnan(a) or math.isnan(b):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1, b)


def _modulo(a: float, b: float) -> float:
    if b == 0 or math.isinf(a):
        return math.nan
    return math.fmod(a, b)


OPERATORS: dict[BinaryOp, Callable[[float, float], float]] = {
    BinaryOp.ADD: lambda a, b: a + b,
    BinaryOp.SUB: lambda a, b: a - b,
    BinaryOp.MUL: lambda a, b: a * b,
    BinaryOp.DIV: _divide,
    BinaryOp.MOD: _modulo,
    BinaryOp.EQL: lambda a, b: float(a == b),
    BinaryOp.NEQ: lambda a, b: float(a != b),
    BinaryOp.GTR: lambda a, b: float(a > b),
    BinaryOp.LSS: lambda a, b: float(a < b),
    BinaryOp.GTE: lambda a, b: float(a >= b),
    BinaryOp.LTE: lambda a, b: float(a <= b),
}


def total(values: Iterable[float]) -> float:
    values = list(values)
    if all(math.isfinite(value) for value in values):
        return math.fsum(values)
    return sum(values)


def extreme(values: Iterable[float], choose: Callable[[list[float]], float]) -> float:
    real = [value for value in values if not math.isnan(value)]
    return choose(real) if real else math.nan


def quantile(q: float, values: list[float]) -> float:
    if not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    ordered = sorted(values, key=lambda value: -math.inf if math.isnan(value) else value)
    ordered.sort(key=lambda value: not math.isnan(value))
    rank = q * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] * (1 - (rank - lower)) + ordered[upper] * (rank - lower)


AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": total,
    "avg": lambda values: total(values) / len(values),
    "min": lambda values: extreme(values, min),
    "max": lambda values: extreme(values, max),
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
}


def over_window(
    name: str, window: Samples, end_ms: int, range_ms: int, numbers: list[float]
) -> float | None:
    values = [value for _, value in window]
    if name.endswith("_over_time"):
        return over_time(name[:-10], window, numbers) if values else None
    if name in ("changes", "resets"):
        return count_pairs(name, values) if values else None
    if len(values) < 2:
        return None
    if name == "double_exponential_smoothing":
        return smoothed(values, *numbers)
    if name == "irate":
        (before_ms, before), (last_ms, last) = window[-2:]
        return (last if last < before else last - before) / ((last_ms - before_ms) / 1000)
    return extrapolated(name, window, end_ms, range_ms)


def count_pairs(name: str, values: list[float]) -> float:
    if name == "resets":
        return float(sum(after < before for before, after in pairwise(values)))
    return float(
        sum(
            before != after and not (math.isnan(before) and math.isnan(after))
            for before, after in pairwise(values)
        )
    )


def around(samples: Samples, after_ms: int, until_ms: int) -> Samples:
    return [(t, v) for t, v in samples if after_ms < t <= until_ms and not is_stale(v)]


def on_line(before: tuple[int, float], after: tuple[int, float], at_ms: int) -> float:
    return before[1] + (after[1] - before[1]) * (at_ms - before[0]) / (after[0] - before[0])


def bounded(
    name: str, samples: Samples, end_ms: int, range_ms: int, *, smooth: bool
) -> float | None:
    start_ms = end_ms - range_ms
    near = around(samples, start_ms - LOOKBACK_MS, end_ms + (LOOKBACK_MS if smooth else 0))
    before = [sample for sample in near if sample[0] <= start_ms][-1:]
    inside = [sample for sample in near if start_ms < sample[0] < end_ms]
    after = [sample for sample in near if sample[0] >= end_ms][:1]
    path = before + inside + after
    if not inside + after or path[0][0] > end_ms:
        return None
    if name in ("changes", "resets"):
        return count_pairs(name, [value for _, value in path])
    is_counter = name != "delta"
    left, right = path[0][1], path[-1][1]
    if smooth and path[0][0] < start_ms:
        left = counter_line(path[0], path[1], start_ms, is_counter=is_counter)
    if smooth and path[-1][0] > end_ms:
        right = counter_line(path[-2], path[-1], end_ms, is_counter=is_counter)
    growth = right - left
    if is_counter:
        values = [left, *(value for _, value in inside), right]
        growth += sum(previous for previous, value in pairwise(values) if value < previous)
    return growth / (range_ms / 1000) if name == "rate" else growth


def counter_line(
    before: tuple[int, float], after: tuple[int, float], at_ms: int, *, is_counter: bool
) -> float:
    if is_counter and after[1] < before[1]:
        before = (before[0], 0.0)
    return on_line(before, after, at_ms)


def over_time(name: str, window: Samples, numbers: list[float]) -> float:
    values = [value for _, value in window]
    match name:
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
            return window[0][0] / 1000
        case "ts_of_last":
            return window[-1][0] / 1000
        case "ts_of_max" | "ts_of_min":
            best = extreme(values, max if name == "ts_of_max" else min)
            same = [time for time, value in window if value == best or math.isnan(best)]
            return same[-1] / 1000
        case _:
            return AGGREGATIONS[name](values)


def smoothed(values: list[float], share: float, trend_share: float) -> float:
    before, level, trend = values[0], values[0], values[1] - values[0]
    for n, value in enumerate(values[1:]):
        if n:
            trend = trend_share * (level - before) + (1 - trend_share) * trend
        before, level = level, share * value + (1 - share) * (level + trend)
    return level


def extrapolated(name: str, window: Samples, end_ms: int, range_ms: int) -> float:
    values = [value for _, value in window]
    growth = values[-1] - values[0]
    if name != "delta":
        for previous, current in pairwise(values):
            if current < previous:
                growth += previous
    first_ms, last_ms = window[0][0], window[-1][0]
    to_start = (first_ms - (end_ms - range_ms)) / 1000
    to_end = (end_ms - last_ms) / 1000
    sampled = (last_ms - first_ms) / 1000
    average = sampled / (len(window) - 1)
    if to_start >= average * 1.1:
        to_start = average / 2
    if name != "delta" and growth > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / growth))
    if to_end >= average * 1.1:
        to_end = average / 2
    factor = (sampled + to_start + to_end) / sampled
    return growth * factor / (range_ms / 1000 if name == "rate" else 1)
