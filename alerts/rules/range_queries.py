"""Rules that one range query can ask for many evaluations at once.

An expression over the past gives at each step of a range what it gives when it is asked at that
time, as long as nothing in it means the query as a whole and nothing that it reads comes later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from observability.promql.labels import METRIC_NAME
from observability.promql.parser import children, selectors
from observability.promql.syntax import (
    Call,
    Duration,
    Expr,
    MatrixSelector,
    Subquery,
    VectorSelector,
)

# The bounds of the query, and what chooses its series by all of them.
_OF_THE_WHOLE_QUERY = frozenset({"start", "end", "range", "step", "info"})


def is_local(expr: Expr) -> bool:
    """Say whether an expression sees the past alone, the same at a step as at one time."""
    return all(map(_is_local_node, _nodes(expr)))


def reads(expr: Expr, metric_names: Collection[str]) -> bool:
    """Say whether a selector of an expression takes series of any of these names."""
    return any(
        all(matcher.matches(name) for matcher in node.all_matchers if matcher.name == METRIC_NAME)
        for node in selectors(expr)
        for name in metric_names
    )


def _nodes(expr: Expr) -> Iterator[Expr]:
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += children(node)


def _is_local_node(node: Expr) -> bool:
    match node:
        case VectorSelector(at=at, offset=offset, boundary=boundary):
            return at is None and boundary is None and _looks_back(offset)
        case MatrixSelector(range=length):
            return _looks_back(length)
        case Subquery(at=at, offset=offset, range=length, step=step):
            return at is None and all(map(_looks_back, (offset, length, step or 0)))
        case Call(function=function):
            return function not in _OF_THE_WHOLE_QUERY
        case _:
            return True


def _looks_back(duration: Duration) -> bool:
    """Say whether a duration is known, and not negative."""
    return isinstance(duration, int) and duration >= 0
