"""Errors of queries with the expression, and a caret under the place."""

from __future__ import annotations

from observability.metrics.terminal.columns import width
from observability.promql.errors import ParseError, PromQLError

_MARGIN = "  "


def with_caret(error: PromQLError) -> str:
    """Return what an error says and, where it knows its place, the line with a caret under it."""
    if not isinstance(error, ParseError) or error.position is None:
        return str(error)
    start = error.text.rfind("\n", 0, error.position) + 1
    line = error.text[start:].split("\n", 1)[0]
    before = error.text[start : error.position]
    # Tabs stay tabs, as only the terminal knows how wide they are.
    gap = "".join("\t" if char == "\t" else " " * width(char) for char in before)
    return f"{error}\n{_MARGIN}{line}\n{_MARGIN}{gap}^"
