"""What a parsed expression must be beyond its grammar. Source: Prometheus 3, parser.checkAST."""

from dataclasses import replace
from typing import assert_never

from observability.promql.errors import ParseError
from observability.promql.labels import METRIC_NAME, quote
from observability.promql.signatures import SIGNATURES, ValueType
from observability.promql.syntax import (
    Aggregation,
    AggregationOp,
    Binary,
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

_OPERANDS = (ValueType.SCALAR, ValueType.VECTOR)
_SHORT_NAMES = {ValueType.VECTOR: "vector", ValueType.MATRIX: "matrix"}


def value_type(expr: Expr) -> ValueType:
    """Return what an expression gives."""
    match expr:
        case NumberLiteral():
            return ValueType.SCALAR
        case StringLiteral():
            return ValueType.STRING
        case VectorSelector() | Aggregation():
            return ValueType.VECTOR
        case MatrixSelector() | Subquery():
            return ValueType.MATRIX
        case Call(function=function):
            return SIGNATURES[function].result
        case Paren(expr=inner) | Unary(expr=inner):
            return value_type(inner)
        case Binary(lhs=lhs, rhs=rhs):
            sides = {value_type(lhs), value_type(rhs)}
            return ValueType.SCALAR if sides == {ValueType.SCALAR} else ValueType.VECTOR
        case _:
            assert_never(expr)


def check(expr: Expr, text: str) -> None:
    """Raise `ParseError` when the parts of an expression do not fit together."""
    _Check(text).check(expr)


class _Check:
    def __init__(self, text: str) -> None:
        self._text = text

    def check(self, expr: Expr) -> ValueType:
        """Check an expression and all in it; return its type."""
        match expr:
            case Aggregation():
                self._aggregation(expr)
            case Binary():
                self._binary(expr)
            case Call():
                self._call(expr)
            case Paren(expr=inner):
                self.check(inner)
            case Unary(expr=inner):
                if (kind := self.check(inner)) not in _OPERANDS:
                    self._fail(
                        expr,
                        "unary expression only allowed on expressions of type scalar or instant"
                        f" vector, got {quote(kind)}",
                    )
            case Subquery(expr=inner):
                if (kind := self.check(inner)) is not ValueType.VECTOR:
                    name = _SHORT_NAMES.get(kind, kind)
                    self._fail(
                        expr, f"subquery is only allowed on instant vector, got {name} instead"
                    )
            case MatrixSelector(selector=selector):
                self.check(selector)
            case VectorSelector():
                self._selector(expr)
            case NumberLiteral() | StringLiteral():
                pass
        return value_type(expr)

    def _aggregation(self, expr: Aggregation) -> None:
        self._expect(expr.expr, ValueType.VECTOR, "aggregation expression")
        if expr.param is not None:
            is_text = expr.op is AggregationOp.COUNT_VALUES
            wanted = ValueType.STRING if is_text else ValueType.SCALAR
            self._expect(expr.param, wanted, "aggregation parameter")

    def _expect(self, expr: Expr, wanted: ValueType, context: str) -> None:
        kind = self.check(expr)
        if kind is not wanted:
            self._fail(expr, f"expected type {wanted} in {context}, got {kind}")

    def _binary(self, expr: Binary) -> None:
        left, right = self.check(expr.lhs), self.check(expr.rhs)
        matching = expr.matching or VectorMatching()
        op = expr.op
        if expr.return_bool and not op.is_comparison:
            self._fail_at_operator(expr, "bool modifier can only be used on comparison operators")
        if op.is_comparison and not expr.return_bool and left is right is ValueType.SCALAR:
            self._fail_at_operator(expr, "comparisons between scalars must use BOOL modifier")
        for name in matching.labels:
            if matching.on and name in matching.include:
                self._fail_at_operator(
                    expr, f"label {quote(name)} must not occur in ON and GROUP clause at once"
                )
        for side, kind in ((expr.lhs, left), (expr.rhs, right)):
            if kind not in _OPERANDS:
                self._fail(
                    side, "binary expression must contain only scalar and instant vector types"
                )
        has_fill = matching.fills
        if ValueType.SCALAR in (left, right):
            if matching.labels:
                self._fail(expr, "vector matching only allowed between instant vectors")
            if has_fill:
                self._fail(expr, "filling in missing series only allowed between instant vectors")
            if op.is_set_operator:
                self._fail(
                    expr, f"set operator {quote(op)} not allowed in binary scalar expression"
                )
        elif op.is_set_operator:
            if matching.cardinality is not Cardinality.ONE_TO_ONE:
                self._fail(expr, f"no grouping allowed for {quote(op)} operation")
            if has_fill:
                self._fail(expr, "filling in missing series not allowed for set operators")

    def _call(self, expr: Call) -> None:
        signature = SIGNATURES[expr.function]
        name, count = quote(expr.function), len(expr.args)
        if signature.least == signature.most != count:
            self._fail(
                expr, f"expected {signature.least} argument(s) in call to {name}, got {count}"
            )
        if count < signature.least:
            self._fail(
                expr,
                f"expected at least {signature.least} argument(s) in call to {name}, got {count}",
            )
        if signature.most is not None and count > signature.most:
            self._fail(
                expr,
                f"expected at most {signature.most} argument(s) in call to {name}, got {count}",
            )
        args = expr.args
        if expr.function == "info" and count > 1:
            self._info_selector(expr, args[1])
            args = args[:1]
        for place, arg in enumerate(args):
            wanted = signature.arguments[min(place, len(signature.arguments) - 1)]
            kind = self.check(arg)
            if kind is not wanted:
                self._fail(arg, f"expected type {wanted} in call to function {name}, got {kind}")

    def _info_selector(self, call: Call, arg: Expr) -> None:
        """The second argument of `info` says which labels to add: matchers, maybe none."""
        kind = value_type(arg)
        if kind is not ValueType.VECTOR:
            self._fail(
                call,
                f'expected type {ValueType.VECTOR} in call to function "info", got {kind}',
            )
        if not isinstance(arg, VectorSelector):
            self._fail(arg, "expected label selectors only")
        elif arg.name:
            self._fail(arg, "expected label selectors only, got vector selector instead")

    def _selector(self, expr: VectorSelector) -> None:
        if expr.name:
            for matcher in expr.matchers:
                if matcher.name == METRIC_NAME:
                    self._fail(
                        expr,
                        "metric name must not be set twice:"
                        f" {quote(expr.name)} or {quote(matcher.value)}",
                    )
        elif all(matcher.matches("") for matcher in expr.matchers):
            self._fail(expr, "vector selector must contain at least one non-empty matcher")

    def _fail_at_operator(self, expr: Binary, message: str) -> None:
        at = expr.lhs.span.end
        while self._text[at : at + 1].isspace():
            at += 1
        self._fail(replace(expr, span=expr.span._replace(start=at)), message)

    def _fail(self, expr: Expr, message: str) -> None:
        raise ParseError(message, text=self._text, position=expr.span.start)
