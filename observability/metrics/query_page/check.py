"""What is known of an expression before it is run: what is wrong with it, and what it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from observability.metrics.models import Metric
from observability.promql.errors import ParseError
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import MatchOp
from observability.promql.parser import children, parse
from observability.promql.syntax import Expr, Span, VectorSelector
from observability.promql.typecheck import value_type

_WORD = re.compile(r"[\w:.]+|\S")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an expression is no PromQL, and where."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class NamedMetric:
    """A metric that an expression names.

    Attributes:
        name: Its name.
        span: The selector that names it first.
        metric: What is known of it; None when no series of this name is stored.
    """

    name: str
    span: Span
    metric: Metric | None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an expression is about: the type of its value, and the metrics it names."""

    type: str
    metrics: list[NamedMetric]


def check(text: str) -> Problem | Meaning:
    """Return what is wrong with an expression, or what it means."""
    try:
        expr = parse(text)
    except ParseError as error:
        return Problem(error.message, _word_at(text, error.position or 0))
    places: dict[str, Span] = {}
    for selector in _selectors(expr):
        for name in _names(selector):
            places.setdefault(name, selector.span)
    known = {metric.name: metric for metric in Metric.objects.filter(name__in=places)}
    return Meaning(
        type=str(value_type(expr)),
        metrics=[NamedMetric(name, span, known.get(name)) for name, span in places.items()],
    )


def _word_at(text: str, position: int) -> Span:
    """Return the word or the sign that stands at a place; at the end the last one."""
    if found := _WORD.match(text, position):
        return Span(*found.span())
    end = len(text.rstrip())
    return Span(max(0, end - 1), end)


def _selectors(expr: Expr) -> Iterator[VectorSelector]:
    if isinstance(expr, VectorSelector):
        yield expr
    for child in children(expr):
        yield from _selectors(child)


def _names(selector: VectorSelector) -> list[str]:
    return [
        matcher.value
        for matcher in selector.all_matchers
        if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL
    ]
