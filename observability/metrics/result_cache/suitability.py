"""Which expressions give the same at a step whatever other steps there are, and what a step reads."""

from __future__ import annotations

from functools import lru_cache

from observability.promql import PromQLError, parse
from observability.promql.duration_expressions import work_out
from observability.promql.parser import children
from observability.promql.steps import Steps
from observability.promql.syntax import (
    Aggregation,
    AggregationOp,
    Boundary,
    Call,
    Duration,
    DurationExpr,
    DurationOp,
    Expr,
    MatrixSelector,
    Subquery,
    VectorSelector,
)

# They tell the bounds of the query, or choose among labels and series by all of its steps.
_UNSUITABLE_FUNCTIONS = frozenset({"start", "end", "range", "info"})
_UNSUITABLE_AGGREGATIONS = frozenset({AggregationOp.LIMITK})
# Say in words over which steps they found something, put together for the whole query.
_FUNCTIONS_WITH_DETAILS = frozenset({"histogram_quantile", "histogram_quantiles"})


class _UnsuitableError(Exception):
    """A step's value depends on more than samples up to the step."""


@lru_cache(maxsize=1024)
def reach_ms(text: str, *, step_ms: int, lookback_ms: int) -> int | None:
    """Return how far before a step samples are read for it, at most.

    Args:
        text: The query.
        step_ms: The distance of its steps.
        lookback_ms: How far an instant selector looks back.

    Returns:
        None when the value at a step depends on other things than the samples of this time, when
        no samples are read at all, and when the query is wrong.
    """
    try:
        return _reach_ms(parse(text), Steps(0, 0, step_ms), lookback_ms) or None
    except (_UnsuitableError, PromQLError):
        return None


@lru_cache(maxsize=1024)
def infos_have_details(text: str) -> bool:
    """Say whether infos of parts of the query cannot be put together to those of the whole."""
    return _calls_any(parse(text), _FUNCTIONS_WITH_DETAILS)


def _calls_any(expr: Expr, functions: frozenset[str]) -> bool:
    is_one = isinstance(expr, Call) and expr.function in functions
    return is_one or any(_calls_any(child, functions) for child in children(expr))


def _reach_ms(expr: Expr, steps: Steps, lookback_ms: int) -> int:
    inner_ms = max((_reach_ms(child, steps, lookback_ms) for child in children(expr)), default=0)
    match expr:
        case VectorSelector(at=None, offset=offset, boundary=boundary):
            if boundary is Boundary.SMOOTHED:  # looks ahead
                raise _UnsuitableError
            return lookback_ms + _before_ms(offset, steps)
        case MatrixSelector(range=length):
            return inner_ms + _length_ms(length, steps)
        case Subquery(at=None, range=length, step=step, offset=offset):
            if _depends_on_range(step):
                raise _UnsuitableError
            return inner_ms + _length_ms(length, steps) + _before_ms(offset, steps)
        case VectorSelector() | Subquery():  # at a fixed time, or a bound of the query
            raise _UnsuitableError
        case Call(function=function) if function in _UNSUITABLE_FUNCTIONS:
            raise _UnsuitableError
        case Aggregation(op=op) if op in _UNSUITABLE_AGGREGATIONS:
            raise _UnsuitableError
        case _:
            return inner_ms


def _before_ms(offset: Duration, steps: Steps) -> int:
    before_ms = _length_ms(offset, steps)
    if before_ms < 0:  # samples after the step
        raise _UnsuitableError
    return before_ms


def _length_ms(duration: Duration, steps: Steps) -> int:
    if _depends_on_range(duration):
        raise _UnsuitableError
    return work_out(duration, steps, may_be_negative=True)


def _depends_on_range(duration: object) -> bool:
    return isinstance(duration, DurationExpr) and (
        duration.op is DurationOp.RANGE or any(map(_depends_on_range, duration.args))
    )
