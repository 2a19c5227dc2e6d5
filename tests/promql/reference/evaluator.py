"""Walks the tree at one step."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from observability.promql.labels import LabelSet
from observability.promql.matchers import matches_all
from observability.promql.syntax import (
    Aggregation,
    AtBound,
    Binary,
    Boundary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
    unwrap,
)

from . import functions
from .aggregations import aggregate
from .binary import between_vectors, with_scalar
from .numbers import larger, number, smaller
from .series import Data, Sample, Samples, Vector, Window, is_stale, shown
from .windows import LOOKBACK_MS, of_window, smoothed_value

_KEEPS_NAME = ("first_over_time", "last_over_time")
_OF_VALUES = frozenset(
    {
        *("abs", "ceil", "floor", "sgn", "round", "clamp_min", "clamp_max", "rad", "deg", "exp"),
        *("sqrt", "ln", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh"),
        *("cosh", "tanh", "asinh", "acosh", "atanh"),
    }
)


class Reference:
    """Evaluates expressions on some data at the steps of a query, or of a subquery in it.

    With an `edge_ms` of 1 the left edges of windows belong to them, as in Prometheus 2.
    """

    def __init__(
        self,
        data: Data,
        steps_ms: Sequence[int],
        bounds_ms: tuple[int, int] | None = None,
        *,
        edge_ms: int = 0,
    ) -> None:
        self._data = data
        self._steps_ms = steps_ms
        self._edge_ms = edge_ms
        self._bounds_ms = bounds_ms or (steps_ms[0], steps_ms[-1])
        self._inside: dict[Subquery, dict[tuple[LabelSet, bool], Samples]] = {}

    def answer(self, expr: Expr, at_ms: int) -> dict[LabelSet, float] | float | str:
        """Return what a step's answer is; a vector is in its order."""
        value = self._evaluate(expr, at_ms)
        return shown(value) if isinstance(value, list) else value

    def _evaluate(self, expr: Expr, at_ms: int) -> Vector | float | str:
        match expr:
            case NumberLiteral(value=value) | StringLiteral(value=value):
                return value
            case Paren(expr=inner):
                return self._evaluate(inner, at_ms)
            case Unary(expr=inner):
                operand = self._evaluate(inner, at_ms)
                if isinstance(operand, float):
                    return -operand
                assert isinstance(operand, list)
                return [sample.with_value(-sample.value) for sample in operand]
            case VectorSelector():
                return [Sample(labels, value) for labels, value, _ in self._select(expr, at_ms)]
            case Call():
                return self._call(expr, at_ms)
            case Aggregation():
                parameter = 0.0 if expr.param is None else self._evaluate(expr.param, at_ms)
                assert not isinstance(parameter, list)
                return aggregate(expr, self._vector(expr.expr, at_ms), parameter)
            case Binary():
                return self._binary(expr, at_ms)
            case _:
                raise TypeError(f"the reference does not know {expr}")

    def _vector(self, expr: Expr, at_ms: int) -> Vector:
        value = self._evaluate(expr, at_ms)
        assert isinstance(value, list)
        return value

    def _number(self, expr: Expr, at_ms: int) -> float:
        value = self._evaluate(expr, at_ms)
        assert isinstance(value, float)
        return value

    def _binary(self, expr: Binary, at_ms: int) -> Vector | float:
        lhs, rhs = self._evaluate(expr.lhs, at_ms), self._evaluate(expr.rhs, at_ms)
        assert not isinstance(lhs, str)
        assert not isinstance(rhs, str)
        if isinstance(lhs, float) and isinstance(rhs, float):
            return number(expr.op, lhs, rhs)
        if isinstance(lhs, list) and isinstance(rhs, list):
            return between_vectors(expr, lhs, rhs)
        return with_scalar(expr, lhs, rhs)

    def _time(self, selector: VectorSelector | Subquery, at_ms: int) -> int:
        """Return the time that a selector looks from: `@` first, then `offset`."""
        at = selector.at
        if isinstance(at, AtBound):
            at = self._bounds_ms[0 if at is AtBound.START else 1]
        return (at_ms if at is None else at) - selector.offset_ms

    def _series(self, selector: VectorSelector) -> Iterator[tuple[LabelSet, Samples]]:
        for labels, samples in sorted(self._data.items()):
            if matches_all(selector.all_matchers, labels):
                yield labels, samples

    def _select(
        self, selector: VectorSelector, at_ms: int
    ) -> Iterator[tuple[LabelSet, float, int]]:
        """Yield labels, value and time of the sample that each series shows."""
        at_ms = self._time(selector, at_ms)
        for labels, samples in self._series(selector):
            if selector.boundary is Boundary.SMOOTHED:
                smoothed = smoothed_value(labels, samples, at_ms)
                if smoothed is not None:
                    yield labels, smoothed, at_ms
                continue
            oldest_ms = at_ms - LOOKBACK_MS - self._edge_ms
            seen = [(time, value) for time, value in samples if oldest_ms < time <= at_ms]
            if seen and not is_stale(seen[-1][1]):
                yield labels, seen[-1][1], seen[-1][0]

    def _windows(self, expr: Expr, at_ms: int) -> Iterator[Window]:
        expr = unwrap(expr)
        if isinstance(expr, MatrixSelector):
            end_ms = self._time(expr.selector, at_ms)
            for labels, samples in self._series(expr.selector):
                yield Window(
                    labels,
                    _inside(samples, end_ms, expr.range_ms + self._edge_ms),
                    at_ms,
                    end_ms,
                    expr.range_ms,
                    boundary=expr.selector.boundary,
                    around=samples,
                )
        elif isinstance(expr, Subquery):
            end_ms = self._time(expr, at_ms)
            for (labels, drop_name), samples in self._inside_of(expr).items():
                window = _inside(samples, end_ms, expr.range_ms + self._edge_ms)
                yield Window(labels, window, at_ms, end_ms, expr.range_ms, drop_name)
        else:
            raise TypeError(f"{expr} is no range vector")

    def _inside_of(self, subquery: Subquery) -> dict[tuple[LabelSet, bool], Samples]:
        """Return what a subquery's inside gives at all multiples of its step that it can hold."""
        if subquery not in self._inside:
            ends_ms = [self._time(subquery, at_ms) for at_ms in self._steps_ms]
            step_ms = subquery.step_ms or 60_000
            oldest_ms = min(ends_ms) - subquery.range_ms - self._edge_ms
            steps_ms = [
                time
                for time in range(oldest_ms - oldest_ms % step_ms, max(ends_ms) + 1, step_ms)
                if time > oldest_ms
            ]
            found: dict[tuple[LabelSet, bool], Samples] = {}
            if steps_ms:
                inside = Reference(self._data, steps_ms, self._bounds_ms, edge_ms=self._edge_ms)
                for time in steps_ms:
                    vector = inside._vector(subquery.expr, time)
                    for sample in vector:
                        key = sample.labels, sample.drop_name
                        found.setdefault(key, []).append((time, sample.value))
            self._inside[subquery] = found
        return self._inside[subquery]

    def _call(self, call: Call, at_ms: int) -> Vector | float:
        name, args = call.function, call.args
        match name:
            case "time":
                return at_ms / 1000
            case "pi":
                return functions.PI
            case "vector":
                return [Sample((), self._number(args[0], at_ms))]
            case "scalar":
                return functions.scalar(self._vector(args[0], at_ms))
            case "min_of" | "max_of":
                choose = smaller if name == "min_of" else larger
                return choose(*(self._number(arg, at_ms) for arg in args))
            case "timestamp":
                return self._timestamp(unwrap(args[0]), at_ms)
            case "absent":
                arg = args[0]
                labels = (
                    functions.pinned_labels(arg.matchers) if isinstance(arg, VectorSelector) else ()
                )
                return [] if self._vector(arg, at_ms) else [Sample(labels, 1.0)]
            case "absent_over_time":
                return self._absent_over_time(args[0], at_ms)
            case "label_replace" | "label_join":
                texts = [arg.value for arg in args[1:] if isinstance(arg, StringLiteral)]
                return getattr(functions, name)(self._vector(args[0], at_ms), *texts)  # type: ignore[no-any-return]  # by name
            case "sort" | "sort_desc":
                return functions.in_order(name, self._vector(args[0], at_ms))
            case "clamp":
                return self._clamp(call, at_ms)
            case "histogram_quantile" | "histogram_fraction":
                return self._histogram(call, at_ms)
            case _ if name in functions.DATES:
                if not args:
                    return [Sample((), functions.of_date(name, at_ms / 1000))]
                return [
                    sample.with_value(functions.of_date(name, sample.value))
                    for sample in self._vector(args[0], at_ms)
                ]
            case _ if name in _OF_VALUES:
                numbers = [self._number(arg, at_ms) for arg in args[1:]]
                return [
                    sample.with_value(functions.of_value(name, sample.value, numbers))
                    for sample in self._vector(args[0], at_ms)
                ]
            case _:
                return self._over_windows(call, at_ms)

    def _over_windows(self, call: Call, at_ms: int) -> Vector:
        at = 1 if call.function == "quantile_over_time" else 0
        numbers = [self._number(arg, at_ms) for i, arg in enumerate(call.args) if i != at]
        found = []
        for window in self._windows(call.args[at], at_ms):
            value = of_window(call.function, window, numbers)
            if value is not None:
                keeps_name = call.function in _KEEPS_NAME and not window.drop_name
                found.append(Sample(window.labels, value, not keeps_name))
        return found

    def _timestamp(self, arg: Expr, at_ms: int) -> Vector:
        if isinstance(arg, VectorSelector):
            # Of the sample itself, smoothed or not: so does Prometheus.
            plain = replace(arg, boundary=None)
            return [
                Sample(labels, time / 1000, True) for labels, _, time in self._select(plain, at_ms)
            ]
        return [sample.with_value(at_ms / 1000) for sample in self._vector(arg, at_ms)]

    def _absent_over_time(self, arg: Expr, at_ms: int) -> Vector:
        if any(window.samples for window in self._windows(arg, at_ms)):
            return []
        pinned = (
            functions.pinned_labels(arg.selector.matchers)
            if isinstance(arg, MatrixSelector)
            else ()
        )
        return [Sample(pinned, 1.0)]

    def _clamp(self, call: Call, at_ms: int) -> Vector:
        vector = self._vector(call.args[0], at_ms)
        low, high = (self._number(arg, at_ms) for arg in call.args[1:])
        if high < low:
            return []
        return [s.with_value(larger(low, smaller(high, s.value))) for s in vector]

    def _histogram(self, call: Call, at_ms: int) -> Vector:
        *numbers, vector = call.args
        values = [self._number(arg, at_ms) for arg in numbers]
        of_buckets = getattr(functions, call.function)
        found = functions.histograms(self._vector(vector, at_ms))
        return [
            Sample(labels, of_buckets(*values, buckets), True) for labels, buckets in found.items()
        ]


def _inside(samples: Samples, end_ms: int, range_ms: int) -> Samples:
    return [(t, v) for t, v in samples if end_ms - range_ms < t <= end_ms and not is_stale(v)]
