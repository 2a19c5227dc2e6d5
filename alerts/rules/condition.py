"""The simple form of a rule: a metric, what to do with it, an operator and a threshold.

A condition compiles to PromQL by way of the syntax tree, so that no name and no value
is ever pasted into query text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alerts.rules.errors import InvalidRuleError, Problem
from observability.metrics.naming import label_name_fault, metric_name_fault
from observability.promql.durations import format_duration, parse_duration_ms
from observability.promql.errors import InvalidRegexError, ParseError
from observability.promql.go_floats import plain
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher, MatchOp, compile_regex
from observability.promql.parser import parse
from observability.promql.syntax import (
    Aggregation,
    AggregationOp,
    Binary,
    BinaryOp,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    VectorSelector,
)

DEFAULT_WINDOW_MS = 300_000


class Comparison(StrEnum):
    """How a value is compared with the threshold."""

    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="


_INVERSE = {
    Comparison.GREATER: Comparison.LESS_OR_EQUAL,
    Comparison.GREATER_OR_EQUAL: Comparison.LESS,
    Comparison.LESS: Comparison.GREATER_OR_EQUAL,
    Comparison.LESS_OR_EQUAL: Comparison.GREATER,
}
"""What is true when the comparison is not, of those that have a direction."""


class WindowFunction(StrEnum):
    """What is made of the samples of a window, series by series."""

    RATE = "rate"
    INCREASE = "increase"
    AVG = "avg_over_time"
    MIN = "min_over_time"
    MAX = "max_over_time"
    SUM = "sum_over_time"
    COUNT = "count_over_time"


class Fold(StrEnum):
    """How several series become one."""

    AVG = "avg"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a rule's alerts are active: the value of a metric compared with a threshold.

    Attributes:
        metric: Name of the metric.
        filters: Which of its series count; all of them when empty.
        function: What to make of each series' samples; None takes the newest one.
        window_ms: The function's window; without meaning when there is no function.
        fold: How series become one; None judges each series by itself.
        by: The labels that the fold keeps apart.
        comparison: The operator.
        threshold: What is compared with, a finite number.
        resolve_threshold: What the value must come back to before a firing alert is resolved; None
            resolves it as soon as the comparison is false.
    """

    metric: str
    comparison: Comparison
    threshold: float
    filters: tuple[Matcher, ...] = ()
    function: WindowFunction | None = None
    window_ms: int = DEFAULT_WINDOW_MS
    fold: Fold | None = None
    by: tuple[str, ...] = ()
    resolve_threshold: float | None = None

    def as_form(self) -> dict[str, Any]:
        """Return the condition as JSON; `read_condition` gives it back."""
        return {
            "metric": self.metric,
            "filters": [
                {"label": matcher.name, "operator": str(matcher.op), "value": matcher.value}
                for matcher in self.filters
            ],
            "function": self.function and str(self.function),
            "window": format_duration(self.window_ms) if self.function else None,
            "aggregation": self.fold and str(self.fold),
            "by": list(self.by),
            "operator": str(self.comparison),
            "threshold": self.threshold,
            "resolve_threshold": self.resolve_threshold,
        }


def compile_condition(condition: Condition) -> str:
    """Return the PromQL of a condition."""
    return _compared(condition, condition.comparison, condition.threshold)


def compile_resolution(condition: Condition) -> str:
    """Return the PromQL by which its alerts are resolved; '' when they end with the condition."""
    if condition.resolve_threshold is None:
        return ""
    return _compared(condition, _INVERSE[condition.comparison], condition.resolve_threshold)


def _compared(condition: Condition, comparison: Comparison, threshold: float) -> str:
    selector = VectorSelector(condition.metric, condition.filters)
    expr: Expr = selector
    if condition.function:
        expr = Call(str(condition.function), (MatrixSelector(selector, condition.window_ms),))
    if condition.fold:
        expr = Aggregation(AggregationOp(condition.fold), expr, grouping=condition.by)
    return str(Binary(BinaryOp(comparison), expr, NumberLiteral(threshold)))


def read_condition(form: Mapping[str, Any]) -> Condition:
    """Return the condition that a simple form describes; absent fields take their defaults.

    Raises:
        InvalidRuleError: Some fields are wrong; it names every one of them.
    """
    reader = _FormReader(form)
    condition = Condition(
        metric=reader.metric(),
        filters=reader.filters(),
        function=reader.choice("function", WindowFunction),
        window_ms=reader.window_ms(),
        fold=reader.choice("aggregation", Fold),
        by=reader.by(),
        comparison=reader.comparison(),
        threshold=reader.threshold(),
        resolve_threshold=reader.resolve_threshold(),
    )
    reader.check()
    _check_resolution(condition)
    try:
        parse(compile_condition(condition))
    except ParseError as error:
        raise InvalidRuleError([Problem("metric", error.message)]) from error
    return condition


def _check_resolution(condition: Condition) -> None:
    """Raise when the resolve threshold is not on the side where the condition is false."""
    if condition.resolve_threshold is None:
        return
    lower = condition.comparison in (Comparison.GREATER, Comparison.GREATER_OR_EQUAL)
    if condition.comparison not in _INVERSE:
        message = f"needs one of {' '.join(_INVERSE)}; an alert by {condition.comparison} is over when that is false"
    elif lower and condition.resolve_threshold > condition.threshold:
        message = f"expected a resolve threshold of {plain(condition.threshold)} or lower, or the alert would end while it is true"
    elif not lower and condition.resolve_threshold < condition.threshold:
        message = f"expected a resolve threshold of {plain(condition.threshold)} or higher, or the alert would end while it is true"
    else:
        return
    raise InvalidRuleError([Problem("resolve_threshold", message)])


class _FormReader:
    """Takes a form apart and collects what is wrong with it."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        self._form = form
        self._problems: list[Problem] = []

    def check(self) -> None:
        if self._problems:
            raise InvalidRuleError(self._problems)

    def metric(self) -> str:
        name = self._text("metric", self._form.get("metric"))
        if self._problems:
            return name
        if not name:
            self._report("metric", "name the metric that is to be watched")
        elif "{" in name:
            self._report(
                "metric",
                "give only the metric's name; labels go into 'Only series where' (filters)",
            )
        elif fault := metric_name_fault(name):
            self._report("metric", fault)
        return name

    def filters(self) -> tuple[Matcher, ...]:
        rows = self._form.get("filters") or []
        if not isinstance(rows, list):
            self._report("filters", 'expected a list of {"label", "operator", "value"}')
            return ()
        found = (self._filter(f"filters[{i}]", row) for i, row in enumerate(rows))
        return tuple(matcher for matcher in found if matcher)

    def _filter(self, place: str, row: object) -> Matcher | None:
        if not isinstance(row, dict):
            self._report(place, 'expected {"label", "operator", "value"}')
            return None
        name = self._label_name(f"{place}.label", row.get("label"))
        value = self._text(f"{place}.value", row.get("value", ""), strip=False)
        try:
            op = MatchOp(row.get("operator", "="))
        except ValueError:
            self._report(
                f"{place}.operator",
                f"expected one of = != =~ !~, got {row.get('operator')!r}",
            )
            return None
        if op.is_regex:
            self._check_regex(f"{place}.value", value)
        return Matcher(name, op, value)

    def choice(self, field: str, choices: type[WindowFunction] | type[Fold]) -> Any:
        value = self._form.get(field)
        if not value:
            return None
        try:
            return choices(value)
        except ValueError:
            self._report(field, f"expected one of {', '.join(choices)}, got {value!r}")
            return None

    def window_ms(self) -> int:
        text = self._form.get("window")
        if not text or not self._form.get("function"):
            return DEFAULT_WINDOW_MS
        try:
            window_ms = parse_duration_ms(str(text))
        except ValueError as error:
            self._report("window", str(error))
            return DEFAULT_WINDOW_MS
        if window_ms == 0:
            self._report("window", "expected a duration longer than 0s")
        return window_ms

    def by(self) -> tuple[str, ...]:
        names = self._form.get("by") or []
        if not isinstance(names, list):
            self._report("by", "expected a list of label names")
            return ()
        if names and not self._form.get("aggregation"):
            self._report("by", "labels to keep apart need a way to combine the series")
        return tuple(self._label_name("by", name) for name in names)

    def comparison(self) -> Comparison:
        value = self._form.get("operator")
        try:
            return Comparison(str(value))
        except ValueError:
            self._report("operator", f"expected one of {' '.join(Comparison)}, got {value!r}")
            return Comparison.GREATER

    def threshold(self) -> float:
        return self._number("threshold")

    def resolve_threshold(self) -> float | None:
        if self._form.get("resolve_threshold") is None:
            return None
        return self._number("resolve_threshold")

    def _number(self, field: str) -> float:
        value = self._form.get(field)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._report(field, f"expected a number, got {value!r}")
            return 0.0
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._report(field, f"expected a finite number, got {value}")
        return number

    def _label_name(self, place: str, value: object) -> str:
        before = len(self._problems)
        name = self._text(place, value)
        if len(self._problems) > before:
            return name
        if name == METRIC_NAME:
            self._report(place, f"{METRIC_NAME} is the metric itself, which has its own field")
        elif not name:
            self._report(place, "expected the name of a label")
        elif fault := label_name_fault(name):
            self._report(place, fault)
        return name

    def _text(self, place: str, value: object, *, strip: bool = True) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            self._report(place, f"expected a text, got {value!r}")
            return ""
        if not is_storable(value):
            self._report(place, "contains a character that cannot be stored")
            return ""
        return value.strip() if strip else value

    def _check_regex(self, place: str, pattern: str) -> None:
        try:
            compile_regex(pattern)
        except InvalidRegexError as error:
            self._report(place, str(error))

    def _report(self, field: str, message: str) -> None:
        self._problems.append(Problem(field, message))


def is_storable(text: str) -> bool:
    """Say whether PostgreSQL can keep a text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
