"""Selectors as people and clients write them: `up{job="node"}` into matchers."""

from __future__ import annotations

from observability.promql.errors import ParseError
from observability.promql.matchers import Matcher
from observability.promql.parser import parse
from observability.promql.syntax import VectorSelector


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a selector, the metric's name as the first of them.

    Regular expressions are checked when they are used (`InvalidRegexError`).

    Raises:
        ParseError: It is no PromQL, or another expression, or looks at another time.
    """
    expr = parse(text)
    if not isinstance(expr, VectorSelector) or expr.offset or expr.at is not None:
        raise ParseError('expected a selector such as up{job="node"}', text=text)
    return expr.all_matchers
