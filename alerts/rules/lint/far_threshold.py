"""Thresholds that lie far outside everything that was seen."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from alerts.rules.lint.trees import comparisons
from observability.promql.go_floats import plain
from observability.promql.syntax import BinaryOp

_FAR = 10.0
"""How many times the greatest magnitude seen; alerts are for what is rare, so not less."""


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    if not subject.rule.alert:
        return
    for value, op, threshold in comparisons(subject.expr):
        extremes = seen.extremes(str(value))
        if extremes is not None and _is_far(extremes, op, threshold):
            low, high = extremes
            seen_values = f"from {_short(low)} to {_short(high)}" if low < high else _short(low)
            yield Remark(
                f"in the last day '{value}' was {seen_values}, far from {op} {plain(threshold)}",
                _advice(extremes, threshold),
            )


def _is_far(extremes: tuple[float, float], op: BinaryOp, threshold: float) -> bool:
    low, high = extremes
    reach = _FAR * max(abs(low), abs(high))
    if not reach:
        # All that was seen is 0, as with errors that have never happened.
        return False
    is_above = threshold > high and threshold - high > reach
    is_below = threshold < low and low - threshold > reach
    match op:
        case BinaryOp.GTR | BinaryOp.GTE:
            return is_above
        case BinaryOp.LSS | BinaryOp.LTE:
            return is_below
        case BinaryOp.EQL:
            return is_above or is_below
        case _:
            return False


def _advice(extremes: tuple[float, float], threshold: float) -> str:
    low, high = extremes
    if low >= 0 and high <= 1 < threshold <= 100:
        return f"if that is a ratio, {plain(threshold)} % of it is {plain(threshold / 100)}"
    return "look whether the threshold has the unit of the metric"


def _short(value: float) -> str:
    return f"{value:.4g}"


CHECK = Check(name="far-threshold", needs_store=True, look=_look)
