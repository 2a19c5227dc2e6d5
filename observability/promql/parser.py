"""Text to syntax tree, by way of the `promql-parser` library."""

import math
import re
from datetime import timedelta
from typing import Any

import promql_parser as lib

from observability.promql.errors import ParseError, UnsupportedError
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.steps import FARTHEST_MS
from observability.promql.syntax import (
    Aggregation,
    AggregationOp,
    AtBound,
    Binary,
    BinaryOp,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)

MAX_DEPTH = 120
"""Levels of a syntax tree: what Python's recursion limit lets the engine walk."""

# The library recurses without a bound and takes the process with it when its stack ends
# (at some 20,000 levels), so the tokens that can open a level are counted before.
_MAX_NESTING_TOKENS = 2_000
_STRINGS = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""", re.DOTALL)
_NESTING_TOKENS = re.compile(r"[-+*/%^(<>=!]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)

# Byte escapes beyond ASCII, which the library takes for characters of that number.
_BYTE_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\(?:x[89a-fA-F]|[23][0-7]{2})")

# What today's PromQL has and the library (0.12) does not know.
_GAPS = (
    (re.compile(r"\b(?:anchored|smoothed)\b", re.IGNORECASE), "anchored or smoothed selector"),
    (re.compile(r"</|>/"), "trim operator"),
    (re.compile(r"\bholt_winters\b"), "function holt_winters()"),
    (
        re.compile(r"\[[^]]*[-+*/%^(]|\boffset\s*[-+]?\s*(?:\(|step|range|m(?:in|ax)_of)", re.I),
        "duration expression",
    ),
)

_MILLISECOND = timedelta(milliseconds=1)

_MATCH_OPS = {
    "Equal": MatchOp.EQUAL,
    "NotEqual": MatchOp.NOT_EQUAL,
    "Re": MatchOp.REGEX,
    "NotRe": MatchOp.NOT_REGEX,
}
_CARDINALITIES = {
    "OneToOne": Cardinality.ONE_TO_ONE,
    "ManyToOne": Cardinality.MANY_TO_ONE,
    "OneToMany": Cardinality.ONE_TO_MANY,
    # Set operators are always many to many, which their operator already says.
    "ManyToMany": Cardinality.ONE_TO_ONE,
}


def parse(text: str) -> Expr:
    """Return the syntax tree of a PromQL expression, its types checked.

    Raises:
        ParseError: The text is not PromQL, or nests deeper than `MAX_DEPTH`.
        UnsupportedError: It seems to be PromQL that the library does not know.
    """
    if any(_BYTE_ESCAPE.search(string) for string in _STRINGS.findall(text)):
        raise UnsupportedError("byte escape in a string")
    bare = _STRINGS.sub('""', text)
    if len(_NESTING_TOKENS.findall(bare)) > _MAX_NESTING_TOKENS:
        raise ParseError("expression is too long", text=text)
    try:
        return _Converter(text).convert(lib.parse(text))
    except ValueError as error:
        for gap, construct in _GAPS:
            if gap.search(bare):
                raise UnsupportedError(construct) from error
        message = str(error)
        raise ParseError(message, text=text, position=_place_of(message, text)) from error
    except OverflowError as error:
        raise ParseError(str(error), text=text) from error


def _place_of(message: str, text: str) -> int | None:
    """Return where an error is; the library tells it only where its message implies it."""
    return len(text) if message.startswith("unexpected end of input") else None


class _Converter:
    """Turns the library's nodes into ours, and watches how deep they nest."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0

    def convert(self, node: Any) -> Expr:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError(
                f"expression is nested more than {MAX_DEPTH} levels deep", text=self._text
            )
        expr = self._convert(node)
        self._depth -= 1
        return expr

    def _convert(self, node: Any) -> Expr:
        match node:
            case lib.NumberLiteral():
                return NumberLiteral(math.nan if math.isnan(node.val) else node.val)
            case lib.StringLiteral():
                return StringLiteral(node.val)
            case lib.VectorSelector():
                return self._selector(node)
            case lib.MatrixSelector():
                return MatrixSelector(
                    self._selector(node.vector_selector), _milliseconds(node.range)
                )
            case lib.SubqueryExpr():
                return self._subquery(node)
            case lib.Call():
                return Call(node.func.name, tuple(self.convert(arg) for arg in node.args))
            case lib.AggregateExpr():
                return self._aggregation(node)
            case lib.BinaryExpr():
                return self._binary(node)
            case lib.UnaryExpr():
                return Unary(self.convert(node.expr))
            case lib.ParenExpr():
                return Paren(self.convert(node.expr))
            case _:
                raise TypeError(f"promql-parser gave an unknown node: {node!r}")

    def _selector(self, node: lib.VectorSelector) -> VectorSelector:
        if node.matchers.or_matchers:
            raise ParseError('unexpected "or" in label matching', text=self._text)
        matchers = (
            Matcher(matcher.name, _MATCH_OPS[_variant(matcher.op)], matcher.value)
            for matcher in node.matchers.matchers
        )
        return VectorSelector(
            node.name or "", tuple(matchers), _milliseconds(node.offset), _at(node)
        )

    def _subquery(self, node: lib.SubqueryExpr) -> Subquery:
        return Subquery(
            self.convert(node.expr),
            _milliseconds(node.range),
            None if node.step is None else _milliseconds(node.step),
            _milliseconds(node.offset),
            _at(node),
        )

    def _aggregation(self, node: lib.AggregateExpr) -> Aggregation:
        labels: tuple[str, ...] = ()
        without = False
        if node.modifier is not None:
            labels = tuple(node.modifier.labels)
            without = _variant(node.modifier.type) == "Without"
        return Aggregation(
            AggregationOp(str(node.op)),
            self.convert(node.expr),
            None if node.param is None else self.convert(node.param),
            labels,
            without,
        )

    def _binary(self, node: lib.BinaryExpr) -> Binary:
        matching = VectorMatching() if node.modifier is None else _matching(node.modifier)
        return Binary(
            BinaryOp(str(node.op)),
            self.convert(node.lhs),
            self.convert(node.rhs),
            node.modifier is not None and node.modifier.return_bool,
            None if matching == VectorMatching() else matching,
        )


def _matching(modifier: lib.BinModifier) -> VectorMatching:
    labels: tuple[str, ...] = ()
    on = False
    if modifier.matching is not None:
        labels = tuple(modifier.matching.labels)
        on = _variant(modifier.matching.type) == "Include"
    return VectorMatching(
        labels,
        on,
        _CARDINALITIES[_variant(modifier.card)],
        tuple(modifier.group_labels or ()),
        modifier.fill_values.lhs,
        modifier.fill_values.rhs,
    )


def _at(node: lib.VectorSelector | lib.SubqueryExpr) -> int | AtBound | None:
    if node.at is None:
        return None
    match _variant(node.at.type):
        case "Start":
            return AtBound.START
        case "End":
            return AtBound.END
        case _:
            return _at_time(node)


def _at_time(node: lib.VectorSelector | lib.SubqueryExpr) -> int:
    """Return the time after `@` in ms.

    The library's own datetime panics before 1970 and overflows after 9999. Its text is
    exact, but shows 0 for every time before 1970, which only the debug form tells; there
    a node's own time comes after those of the nodes inside it.
    """
    seconds, _, millis = str(node.at).removeprefix("@ ").partition(".")
    at_ms = int(seconds) * 1000 + int(millis or 0)
    if at_ms > FARTHEST_MS:
        raise OverflowError(f"timestamp out of bounds for @ modifier: {seconds}")
    if at_ms:
        return at_ms
    found = re.findall(r"tv_sec:\s*(-?\d+),\s*tv_nsec:\s*(\d+)", repr(node))
    at_ms = int(found[-1][0]) * 1000 + int(found[-1][1]) // 1_000_000
    if at_ms < -FARTHEST_MS:
        raise OverflowError(f"timestamp out of bounds for @ modifier: {found[-1][0]}")
    return at_ms


def _variant(member: object) -> str:
    """Return the name of a member of the library's enums, which are not Python's."""
    return str(member).rpartition(".")[2]


def _milliseconds(duration: timedelta | None) -> int:
    return 0 if duration is None else duration // _MILLISECOND
