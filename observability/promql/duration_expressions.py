"""Durations that are worked out from the times of the query. Source: Prometheus 3, promql/durations.go."""

import math

from observability.promql.durations import LONGEST_MS
from observability.promql.errors import ExecutionError
from observability.promql.steps import Steps
from observability.promql.syntax import Duration, DurationExpr, DurationOp, NumberLiteral


def work_out(duration: Duration, steps: Steps, *, may_be_negative: bool = False) -> int:
    """Return a duration in milliseconds.

    Raises:
        ExecutionError: It has no finite value, or one that is not allowed here.
    """
    if isinstance(duration, int):
        return duration
    seconds = _seconds(duration, steps)
    place = f"{duration.span.start}:{duration.span.end}"
    if not math.isfinite(seconds):
        raise ExecutionError(f"{place}: duration is NaN or infinite")
    if seconds <= 0 and not may_be_negative:
        raise ExecutionError(f"{place}: duration must be greater than 0")
    if abs(seconds) * 1000 > LONGEST_MS:
        raise ExecutionError(f"{place}: duration is out of range")
    return int(seconds * 1000)


def _seconds(expr: NumberLiteral | DurationExpr, steps: Steps) -> float:
    if isinstance(expr, NumberLiteral):
        return expr.value
    values = [_seconds(arg, steps) for arg in expr.args]
    match expr.op:
        case DurationOp.STEP:
            return steps.step_ms / 1000
        case DurationOp.RANGE:
            return (steps.end_ms - steps.start_ms) / 1000
        case DurationOp.MIN_OF:
            return min(values)
        case DurationOp.MAX_OF:
            return max(values)
        case DurationOp.PAREN:
            return values[0]
        case _ if len(values) == 1:
            return -values[0] if expr.op is DurationOp.SUB else values[0]
        case _:
            return _arithmetic(expr, *values)


def _arithmetic(expr: DurationExpr, left: float, right: float) -> float:
    place = f"{expr.span.start}:{expr.span.end}"
    match expr.op:
        case DurationOp.ADD:
            return left + right
        case DurationOp.SUB:
            return left - right
        case DurationOp.MUL:
            return left * right
        case DurationOp.DIV:
            if right == 0:
                raise ExecutionError(f"{place}: division by zero")
            return left / right
        case DurationOp.MOD:
            if right == 0:
                raise ExecutionError(f"{place}: modulo by zero")
            return math.fmod(left, right)
        case _:
            return _power(left, right)


def _power(base: float, exponent: float) -> float:
    """Return what Go's math.Pow does, which never fails."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
    except ValueError:  # a root of a negative number, or 0 to a negative power
        return math.inf if base == 0 else math.nan
