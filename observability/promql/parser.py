"""Text to syntax tree: the grammar of PromQL, with the messages of Prometheus.

Operators bind by precedence; what stands behind an expression (`[5m]`, `offset`, `@`) binds
tightest of all. The first error ends the parsing; where a construct is known, the message
names it with what it could go on with. Source: Prometheus 3, promql/parser/generated_parser.y.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

from observability.promql import lexer, strings
from observability.promql.durations import LONGEST_MS, parse_duration_ms
from observability.promql.errors import InvalidRegexError, ParseError
from observability.promql.go_floats import fixed_point
from observability.promql.labels import quote
from observability.promql.lexer import Kind, Lexer, Token
from observability.promql.matchers import Matcher, MatchOp, compile_regex
from observability.promql.signatures import SIGNATURES
from observability.promql.steps import FARTHEST_MS
from observability.promql.syntax import (
    Aggregation,
    AggregationOp,
    AtBound,
    Binary,
    BinaryOp,
    Boundary,
    Call,
    Cardinality,
    Duration,
    DurationExpr,
    DurationOp,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Span,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from observability.promql.typecheck import check

MAX_DEPTH = 120
"""Levels of a syntax tree: what Python's recursion limit lets the engine walk."""

# The larger binds the tighter; a sign binds as a multiplication does.
_PRECEDENCE = {
    "or": 1,
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">=", "</", ">/"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
_SIGN_OPERAND = 6

_PARAMETRIC = frozenset(["topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"])
# Keywords that may also name a metric, where an expression begins.
_METRIC_WORDS = (
    lexer.AGGREGATIONS
    | lexer.CLOCKS
    | frozenset(
        [
            "and",
            "or",
            "unless",
            "by",
            "without",
            "offset",
            "anchored",
            "smoothed",
            "fill",
            "fill_left",
            "fill_right",
        ]
    )
)
# Keywords that may also name a label, in lists of labels.
_LABEL_WORDS = frozenset(
    lexer.AGGREGATIONS | lexer.CLOCKS | lexer.MODIFIERS | {"and", "or", "unless", "atan2"}
) - {"without"}
_MATCH_OPS = {op.value: op for op in MatchOp}
_AFTER_AGGREGATION_NAME = frozenset({"(", "by", "without"})
_DURATION_EXPECTED = "number, duration, step(), or range()"


def parse(text: str) -> Expr:
    """Return the syntax tree of a PromQL expression, its types checked.

    Raises:
        ParseError: The text is not PromQL, or nests deeper than `MAX_DEPTH`.
        InvalidRegexError: A matcher's regular expression is none.
    """
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else _parse(text)


def _parse(text: str) -> Expr:
    parser = _Parser(text)
    if parser.token.kind == Kind.END:
        raise ParseError("no expression found in input", text=text, position=0 if text else None)
    expr = parser.expression()
    if parser.token.kind != Kind.END:
        raise parser.unexpected()
    _check_depth(expr, text)
    check(expr, text)
    return expr


def parse_metric_selector(text: str) -> VectorSelector:
    """Return a selector that stands alone, as `match[]` gives one; unlike in an expression, it may select all series.

    Raises:
        ParseError: It is no selector, has modifiers, or a regular expression that is none.
    """
    parser = _Parser(text)
    selector = parser.selector()
    if parser.token.kind != Kind.END:
        raise parser.unexpected()
    return selector


# Rules and dashboards ask the same again and again, and trees never change.
_LONGEST_REMEMBERED = 4_096
_remembered = lru_cache(maxsize=1_024)(_parse)


class _Parser:
    """Reads expressions token by token; `token` is the one that is next."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lexer = Lexer(text)
        self._depth = 0
        self._context, self._expected = "", ""
        # Where the token before `token` ended.
        self._end = 0
        self.token = self._lexer.next()

    def expression(self, least: int = 1) -> Expr:
        """expr: operators of this precedence and tighter ones."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._too_deep()
        lhs = self._signed()
        while _PRECEDENCE.get(self.token.kind, 0) >= least:
            op = self._take()
            return_bool, matching = self._binary_modifiers()
            precedence = _PRECEDENCE[op.kind]
            # Powers group from the right, all else from the left.
            rhs = self.expression(precedence if op.kind == "^" else precedence + 1)
            lhs = Binary(
                BinaryOp(op.kind),
                lhs,
                rhs,
                return_bool,
                None if matching == VectorMatching() else matching,
                span=Span(lhs.span.start, rhs.span.end),
            )
        self._depth -= 1
        return lhs

    def _signed(self) -> Expr:
        """unary_expr: (ADD | SUB) expr, or an expression without a sign."""
        if self.token.kind not in ("+", "-"):
            return self._postfix(self._primary())
        sign = self._take()
        expr = self.expression(_SIGN_OPERAND)
        span = Span(sign.start, expr.span.end)
        if isinstance(expr, NumberLiteral):
            value = -expr.value if sign.kind == "-" else expr.value
            return replace(expr, value=_canonical(value), span=span)
        return Unary(expr, is_plus=sign.kind == "+", span=span)

    def _primary(self) -> Expr:
        token = self.token
        match token.kind:
            case Kind.NUMBER | Kind.DURATION:
                return self._number(self._take())
            case Kind.STRING:
                self._take()
                return StringLiteral(self._unquote(token), span=_span_of(token))
            case "(":
                self._take()
                inner = self.expression()
                self._expect(")")
                return Paren(inner, span=Span(token.start, self._end))
            case "{":
                return self._selector(None)
            case _:
                return self._named(token)

    def _named(self, token: Token) -> Expr:
        """Return what begins with a name or a keyword: a selector, a call or an aggregation."""
        if token.kind in lexer.AGGREGATIONS:
            return self._aggregation_or_selector(self._take())
        if token.kind in lexer.CLOCKS or token.kind == Kind.IDENTIFIER:
            self._take()
            return self._call(token) if self.token.kind == "(" else self._selector(token)
        if token.kind == Kind.METRIC_IDENTIFIER or token.kind in _METRIC_WORDS:
            return self._selector(self._take())
        raise self.unexpected()

    def _call(self, name: Token) -> Call:
        """function_call: IDENTIFIER LEFT_PAREN [expr {COMMA expr}] RIGHT_PAREN."""
        args = self._arguments()
        if name.text not in SIGNATURES:
            raise self._error(f"unknown function with name {quote(name.text)}", name.start)
        return Call(name.text, args, span=Span(name.start, self._end))

    def _arguments(self) -> tuple[Expr, ...]:
        """function_call_body."""
        self._expect("(")
        args: list[Expr] = []
        while self.token.kind != ")":
            args.append(self.expression())
            if self.token.kind != ",":
                break
            comma = self._take()
            if self.token.kind == ")":
                raise self._error("trailing commas not allowed in function call args", comma.start)
        self._expect(")")
        return tuple(args)

    def _aggregation_or_selector(self, name: Token) -> Expr:
        """aggregate_expr: the modifier may stand before or after the arguments."""
        if self.token.kind not in _AFTER_AGGREGATION_NAME:
            return self._selector(name)
        with self._inside("aggregation"):
            grouping = self._aggregation_modifier()
            args = self._arguments()
            if grouping is None:
                grouping = self._aggregation_modifier()
        span = Span(name.start, self._end)
        if not args:
            raise self._error("no arguments for aggregate expression provided", span.start)
        wanted = 2 if name.kind in _PARAMETRIC else 1
        if len(args) != wanted:
            raise self._error(
                "wrong number of arguments for aggregate expression provided,"
                f" expected {wanted}, got {len(args)}",
                span.start,
            )
        labels, without = grouping or ((), False)
        return Aggregation(
            AggregationOp(name.kind),
            args[-1],
            args[0] if wanted == 2 else None,
            labels,
            without,
            span=span,
        )

    def _aggregation_modifier(self) -> tuple[tuple[str, ...], bool] | None:
        """aggregate_modifier: (BY | WITHOUT) grouping_labels."""
        if self.token.kind not in ("by", "without"):
            return None
        without = self._take().kind == "without"
        return self._labels(), without

    def _binary_modifiers(self) -> tuple[bool, VectorMatching]:
        """bin_modifier: [BOOL] [(ON | IGNORING) labels [GROUP_LEFT | GROUP_RIGHT [labels]]] [fills]."""
        return_bool = self._take_if("bool")
        matching = VectorMatching()
        if self.token.kind in ("on", "ignoring"):
            on = self._take().kind == "on"
            matching = VectorMatching(self._labels(), on)
            if self.token.kind in ("group_left", "group_right"):
                is_left = self._take().kind == "group_left"
                matching = replace(
                    matching,
                    cardinality=Cardinality.MANY_TO_ONE if is_left else Cardinality.ONE_TO_MANY,
                    include=self._labels() if self.token.kind == "(" else (),
                )
        if self._take_if("fill"):
            value = self._fill_value()
            return return_bool, replace(matching, fill_left=value, fill_right=value)
        left = right = None
        while self.token.kind in ("fill_left", "fill_right"):
            if self.token.kind == "fill_left" and left is None:
                self._take()
                left = self._fill_value()
            elif self.token.kind == "fill_right" and right is None:
                self._take()
                right = self._fill_value()
            else:
                raise self.unexpected()
        return return_bool, replace(matching, fill_left=left, fill_right=right)

    def _fill_value(self) -> float:
        """fill_value: LEFT_PAREN [ADD | SUB] number RIGHT_PAREN."""
        self._expect("(")
        is_negative = self.token.kind == "-"
        if self.token.kind in ("+", "-"):
            self._take()
        if self.token.kind not in (Kind.NUMBER, Kind.DURATION):
            raise self.unexpected()
        value = self._number(self._take()).value
        self._expect(")")
        return _canonical(-value) if is_negative else value

    def _labels(self) -> tuple[str, ...]:
        """grouping_labels: LEFT_PAREN [label {COMMA label} [COMMA]] RIGHT_PAREN."""
        context = "grouping opts"
        if self.token.kind != "(":
            raise self.unexpected(context, '"("')
        self._take()
        names: list[str] = []
        while self.token.kind != ")":
            token = self.token
            if token.kind == Kind.STRING:
                name = self._unquote(token)
            elif token.kind in _LABEL_WORDS or token.kind in (
                Kind.IDENTIFIER,
                Kind.METRIC_IDENTIFIER,
            ):
                name = token.text
            else:
                raise self.unexpected(context, "label")
            if not name:
                raise self._error('invalid label name for grouping: ""', token.start)
            names.append(name)
            self._take()
            if self.token.kind == ")":
                break
            if self.token.kind != ",":
                raise self.unexpected(context, '"," or ")"')
            self._take()
        self._take()
        return tuple(names)

    def selector(self) -> VectorSelector:
        """vector_selector, where a keyword is a metric's name as well."""
        if self.token.kind == "{":
            return self._selector(None)
        is_name = self.token.kind in (Kind.IDENTIFIER, Kind.METRIC_IDENTIFIER)
        if not is_name and self.token.kind not in _METRIC_WORDS:
            raise self.unexpected()
        return self._selector(self._take())

    def _selector(self, name: Token | None) -> VectorSelector:
        """vector_selector: [metric_identifier] [label_matchers]."""
        start = self.token.start if name is None else name.start
        matchers = self._matchers() if self.token.kind == "{" else ()
        return VectorSelector(
            "" if name is None else name.text, matchers, span=Span(start, self._end)
        )

    def _matchers(self) -> tuple[Matcher, ...]:
        """label_matchers: LEFT_BRACE [matcher {COMMA matcher} [COMMA]] RIGHT_BRACE."""
        context = "label matching"
        self._take()
        matchers: list[Matcher] = []
        while self.token.kind != "}":
            if self.token.kind not in (Kind.IDENTIFIER, Kind.STRING):
                raise self.unexpected(context, 'identifier or "}"')
            matchers.append(self._matcher(self._take()))
            if self.token.kind == "}":
                break
            if self.token.kind != ",":
                raise self.unexpected(context, '"," or "}"')
            self._take()
        self._take()
        return tuple(matchers)

    def _matcher(self, label: Token) -> Matcher:
        """label_matcher: a label with its operator and value, or a metric's name in quotes."""
        context = "label matching"
        is_quoted = label.kind == Kind.STRING
        name = self._unquote(label) if is_quoted else label.text
        op = _MATCH_OPS.get(self.token.kind)
        if op is None:
            if is_quoted:
                return Matcher("__name__", MatchOp.EQUAL, name)
            raise self.unexpected(context, "label matching operator")
        self._take()
        if self.token.kind != Kind.STRING:
            raise self.unexpected(context, "string")
        value = self._unquote(self._take())
        if op.is_regex:
            try:
                compile_regex(value)
            except InvalidRegexError as error:
                raise self._error(str(error), label.start) from error
        return Matcher(name, op, value)

    def _postfix(self, expr: Expr) -> Expr:
        """matrix_selector, subquery_expr, offset_expr, anchored_expr, step_invariant_expr."""
        levels = 0
        while True:
            levels += 1
            if levels > MAX_DEPTH:
                raise self._too_deep()
            match self.token.kind:
                case "[":
                    expr = self._range(expr)
                case "offset":
                    expr = self._offset(expr)
                case "@":
                    expr = self._at(expr)
                case "anchored" | "smoothed":
                    expr = self._boundary(expr)
                case _:
                    return expr

    def _range(self, expr: Expr) -> Expr:
        bracket = self._take()
        with self._inside("subquery or range selector", _DURATION_EXPECTED):
            length = self._positive_duration()
        if self.token.kind == ":":
            return self._subquery(expr, length)
        if self.token.kind != "]":
            raise self.unexpected("subquery or range", '":" or "]"')
        self._take()
        fault = ""
        if not isinstance(expr, VectorSelector):
            fault = "ranges only allowed for vector selectors"
        elif expr.offset:
            fault = "no offset modifiers allowed before range"
        elif expr.at is not None:
            fault = "no @ modifiers allowed before range"
        if fault or not isinstance(expr, VectorSelector):
            raise self._error(fault, bracket.start)
        return MatrixSelector(expr, length, span=Span(expr.span.start, self._end))

    def _subquery(self, expr: Expr, length: Duration) -> Subquery:
        self._take()
        step: Duration | None = None
        if self.token.kind != "]":
            with self._inside("subquery selector", 'number, duration, step(), range(), or "]"'):
                step = self._positive_duration()
        if self.token.kind != "]":
            raise self.unexpected("subquery selector", '"]"')
        self._take()
        return Subquery(expr, length, step, span=Span(expr.span.start, self._end))

    def _offset(self, expr: Expr) -> Expr:
        self._take()
        with self._inside("offset", _DURATION_EXPECTED):
            offset = self._offset_duration()

        def shifted(node: VectorSelector | Subquery) -> VectorSelector | Subquery:
            if node.offset:
                raise self._error("offset may not be set multiple times", expr.span.start)
            return replace(node, offset=offset)

        return self._modified(expr, "offset modifier", shifted)

    def _at(self, expr: Expr) -> Expr:
        self._take()
        at: int | AtBound
        if self.token.kind in ("start", "end"):
            at = AtBound.START if self._take().kind == "start" else AtBound.END
            with self._inside("@", "timestamp"):
                self._expect("(")
                self._expect(")")
        else:
            at = self._timestamp_ms(expr)

        def fixed(node: VectorSelector | Subquery) -> VectorSelector | Subquery:
            if node.at is not None:
                raise self._error("@ <timestamp> may not be set multiple times", expr.span.start)
            return replace(node, at=at)

        return self._modified(expr, "@ modifier", fixed)

    def _timestamp_ms(self, expr: Expr) -> int:
        """signed_or_unsigned_number, in milliseconds."""
        is_negative = self.token.kind == "-"
        if self.token.kind in ("+", "-"):
            self._take()
        if self.token.kind not in (Kind.NUMBER, Kind.DURATION):
            raise self.unexpected("@", "timestamp")
        seconds = self._number(self._take()).value
        if is_negative:
            seconds = -seconds
        if not abs(seconds) * 1000 <= FARTHEST_MS:
            raise self._error(
                f"timestamp out of bounds for @ modifier: {fixed_point(seconds)}", expr.span.start
            )
        # As Go rounds: halves away from zero.
        return math.floor(abs(seconds) * 1000 + 0.5) * (-1 if seconds < 0 else 1)

    def _boundary(self, expr: Expr) -> Expr:
        boundary = Boundary(self._take().kind)
        if isinstance(expr, Subquery):
            raise self._error(
                f"{boundary} modifier is not supported for subqueries", expr.span.start
            )
        selector = expr.selector if isinstance(expr, MatrixSelector) else expr
        if not isinstance(selector, VectorSelector):
            raise self._error(f"{boundary} modifier not implemented", expr.span.start)
        if selector.boundary not in (None, boundary):
            raise self._error(
                "anchored and smoothed modifiers cannot be used together", expr.span.start
            )
        changed = replace(selector, boundary=boundary)
        span = Span(expr.span.start, self._end)
        if isinstance(expr, MatrixSelector):
            return replace(expr, selector=changed, span=span)
        return replace(changed, span=span)

    def _modified(
        self,
        expr: Expr,
        modifier: str,
        change: Callable[[VectorSelector | Subquery], "VectorSelector | Subquery"],
    ) -> Expr:
        """Return a selector or subquery with its series selector, or itself, changed."""
        span = Span(expr.span.start, self._end)
        if isinstance(expr, VectorSelector | Subquery):
            return replace(change(expr), span=span)
        if isinstance(expr, MatrixSelector):
            changed = change(expr.selector)
            if isinstance(changed, VectorSelector):
                return replace(expr, selector=changed, span=span)
        raise self._error(
            f"{modifier} must be preceded by an instant vector selector or range vector selector"
            " or a subquery",
            expr.span.start,
        )

    def _positive_duration(self) -> Duration:
        """positive_duration_expr."""
        duration = self._duration()
        if isinstance(duration, DurationExpr):
            return duration
        if duration.value <= 0:
            raise self._error("duration must be greater than 0", duration.span.start)
        return _milliseconds(duration)

    def _offset_duration(self) -> Duration:
        """offset_duration_expr: without operators between, so that `x offset -2^2` is `(x offset -2)^2`."""
        duration = self._signed_duration(is_offset=True)
        return duration if isinstance(duration, DurationExpr) else _milliseconds(duration)

    def _duration(self, least: int = 1) -> NumberLiteral | DurationExpr:
        """duration_expr."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._too_deep()
        lhs = self._signed_duration()
        while self.token.kind in "+-*/%^" and _PRECEDENCE.get(self.token.kind, 0) >= least:
            op = self._take()
            precedence = _PRECEDENCE[op.kind]
            rhs = self._duration(precedence if op.kind == "^" else precedence + 1)
            if op.kind in "/%" and isinstance(rhs, NumberLiteral) and rhs.value == 0:
                fault = "division by zero" if op.kind == "/" else "modulo by zero"
                raise self._error(fault, op.start)
            span = Span(lhs.span.start, rhs.span.end)
            lhs = DurationExpr(DurationOp(op.kind), (lhs, rhs), span=span)
        self._depth -= 1
        return lhs

    def _signed_duration(self, *, is_offset: bool = False) -> NumberLiteral | DurationExpr:
        if self.token.kind not in ("+", "-"):
            return self._duration_operand()
        sign = self._take()
        duration = self._duration_operand() if is_offset else self._duration(_SIGN_OPERAND)
        span = Span(sign.start, duration.span.end)
        if isinstance(duration, NumberLiteral):
            value = -duration.value if sign.kind == "-" else duration.value
            return replace(duration, value=value, span=span)
        return DurationExpr(DurationOp(sign.kind), (duration,), span=span)

    def _duration_operand(self) -> NumberLiteral | DurationExpr:
        token = self.token
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            literal = self._number(self._take())
            if not abs(literal.value) * 1000 <= LONGEST_MS:
                raise self._error("duration out of range", token.start)
            return literal
        if token.kind in ("step", "range"):
            self._take()
            self._expect("(")
            self._expect(")")
            return DurationExpr(DurationOp(token.kind), span=Span(token.start, self._end))
        if token.kind in ("min_of", "max_of"):
            self._take()
            self._expect("(")
            first = self._duration()
            self._expect(",")
            second = self._duration()
            self._expect(")")
            span = Span(token.start, self._end)
            return DurationExpr(DurationOp(token.kind), (first, second), span=span)
        if token.kind == "(":
            self._take()
            inner = self._duration()
            self._expect(")")
            span = Span(token.start, self._end)
            return DurationExpr(DurationOp.PAREN, (inner,), span=span)
        raise self.unexpected()

    def _number(self, token: Token) -> NumberLiteral:
        """number_duration_literal."""
        try:
            if token.kind == Kind.DURATION:
                seconds = parse_duration_ms(token.text) / 1000
                return NumberLiteral(seconds, is_duration=True, span=_span_of(token))
            return NumberLiteral(_canonical(strings.number(token.text)), span=_span_of(token))
        except ValueError as error:
            raise self._error(str(error), token.start) from error

    def _unquote(self, token: Token) -> str:
        return strings.unquote(token.text)

    def _take(self) -> Token:
        taken = self.token
        if taken.kind == Kind.ERROR:
            raise self.unexpected()
        self._end = taken.end
        self.token = self._lexer.next()
        return taken

    def _take_if(self, kind: str) -> bool:
        if self.token.kind != kind:
            return False
        self._take()
        return True

    def _expect(self, kind: str) -> None:
        if self.token.kind != kind:
            raise self.unexpected()
        self._take()

    @contextmanager
    def _inside(self, context: str, expected: str = "") -> Iterator[None]:
        """Name this construct in errors that no construct inside it names."""
        before = self._context, self._expected
        self._context, self._expected = context, expected
        yield
        self._context, self._expected = before

    def unexpected(self, context: str = "", expected: str = "") -> ParseError:
        """Return the error that the next token must not be there."""
        token = self.token
        if token.kind == Kind.ERROR:
            return self._error(token.text, token.start)
        if not context:
            context, expected = self._context, self._expected
        message = f"unexpected {token.describe()}"
        message += f" in {context}" if context else ""
        message += f", expected {expected}" if expected else ""
        return self._error(message, token.start)

    def _too_deep(self) -> ParseError:
        return self._error(
            f"expression is nested more than {MAX_DEPTH} levels deep", self.token.start
        )

    def _error(self, message: str, position: int) -> ParseError:
        return ParseError(message, text=self._text, position=position)


def _span_of(token: Token) -> Span:
    return Span(token.start, token.end)


def _canonical(value: float) -> float:
    """Return the number; of all NaNs the one that equals itself by identity."""
    return math.nan if math.isnan(value) else value


def _milliseconds(duration: NumberLiteral) -> int:
    return round(duration.value * 1000)


def _check_depth(expr: Expr, text: str) -> None:
    """Refuse a tree that is deeper than the engine can walk; chains of operators nest to the left."""
    waiting = [(expr, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ParseError(
                f"expression is nested more than {MAX_DEPTH} levels deep",
                text=text,
                position=node.span.start,
            )
        waiting += [(child, depth + 1) for child in children(node)]


def selectors(expr: Expr) -> Iterator[VectorSelector]:
    """Yield all selectors of an expression, whatever times they look at."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, VectorSelector):
            yield node
        waiting += children(node)


def children(node: Expr) -> tuple[Expr, ...]:
    """Return the expressions that an expression is made of, in their order."""
    match node:
        case Call(args=args):
            return args
        case Aggregation(param=param, expr=inner):
            return (inner,) if param is None else (param, inner)
        case Binary(lhs=lhs, rhs=rhs):
            return (lhs, rhs)
        case Unary(expr=inner) | Paren(expr=inner) | Subquery(expr=inner):
            return (inner,)
        case MatrixSelector(selector=selector):
            return (selector,)
        case _:
            return ()
