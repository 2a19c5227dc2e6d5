"""How far back an expression looks, selector by selector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from observability.promql.engine import LOOKBACK_MS
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.parser import children
from observability.promql.syntax import Expr, MatrixSelector, Subquery, VectorSelector


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One selector of an expression, and the time that it sees.

    Attributes:
        matchers: The selector's, the metric's name as the first.
        from_ms: How long before the evaluation the oldest sample is that it can see.
        until_ms: How long before the evaluation the newest one is.
    """

    matchers: tuple[Matcher, ...]
    from_ms: int
    until_ms: int


def looks(expr: Expr) -> list[Look]:
    """Return the selectors that name one metric and look back from the evaluation's time alone."""
    return list(_looks(expr, from_ms=0, until_ms=0))


def _looks(expr: Expr, *, from_ms: int, until_ms: int) -> Iterator[Look]:
    match expr:
        case MatrixSelector(
            selector=VectorSelector(offset=int(offset)) as selector, range=int(length)
        ):
            yield from _look(selector, from_ms + length + offset, until_ms + offset)
        case VectorSelector(offset=int(offset)):
            yield from _look(expr, from_ms + LOOKBACK_MS + offset, until_ms + offset)
        case MatrixSelector() | VectorSelector():
            return
        case Subquery(at=None, offset=int(offset), range=int(length)):
            yield from _looks(
                expr.expr, from_ms=from_ms + length + offset, until_ms=until_ms + offset
            )
        case Subquery():
            return
        case _:
            for child in children(expr):
                yield from _looks(child, from_ms=from_ms, until_ms=until_ms)


def _look(selector: VectorSelector, from_ms: int, until_ms: int) -> Iterator[Look]:
    matchers = selector.all_matchers
    names_metric = any(
        matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL for matcher in matchers
    )
    if names_metric and selector.at is None and selector.boundary is None and until_ms >= 0:
        yield Look(matchers=matchers, from_ms=from_ms, until_ms=until_ms)
