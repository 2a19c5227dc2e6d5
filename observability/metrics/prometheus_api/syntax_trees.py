"""Syntax trees in the JSON of Prometheus's API.

Source: Prometheus web/api/v1/translate_ast.go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, assert_never

from observability.promql.go_floats import plain
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.signatures import SIGNATURES, ValueType
from observability.promql.syntax import (
    Aggregation,
    AtBound,
    Binary,
    Boundary,
    Call,
    Duration,
    DurationExpr,
    DurationOp,
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
from observability.promql.typecheck import value_type

_TYPES = {
    ValueType.SCALAR: "scalar",
    ValueType.STRING: "string",
    ValueType.VECTOR: "vector",
    ValueType.MATRIX: "matrix",
}
_BOUNDS = {AtBound.START: "start", AtBound.END: "end"}


def tree_json(expr: Expr) -> dict[str, Any]:
    """Return an expression as JSON data."""
    match expr:
        case NumberLiteral(value=value):
            return {"type": "numberLiteral", "val": plain(value)}
        case StringLiteral(value=text):
            return {"type": "stringLiteral", "val": text}
        case VectorSelector():
            return {**_selector(expr), "type": "vectorSelector"}
        case MatrixSelector(selector=selector):
            lengths = _duration("range", expr.range)
            return {**_selector(selector), **lengths, "type": "matrixSelector"}
        case Subquery():
            return _subquery(expr)
        case Call():
            return _call(expr)
        case Aggregation():
            return {
                "expr": tree_json(expr.expr),
                "grouping": expr.grouping,
                "op": expr.op,
                "param": None if expr.param is None else tree_json(expr.param),
                "type": "aggregation",
                "without": expr.without,
            }
        case Binary():
            return {
                "bool": expr.return_bool,
                "lhs": tree_json(expr.lhs),
                "matching": _matching(expr),
                "op": expr.op,
                "rhs": tree_json(expr.rhs),
                "type": "binaryExpr",
            }
        case Unary(expr=inner):
            sign = "+" if expr.is_plus else "-"
            return {"expr": tree_json(inner), "op": sign, "type": "unaryExpr"}
        case Paren(expr=inner):
            return {"expr": tree_json(inner), "type": "parenExpr"}
        case _:
            assert_never(expr)


def _selector(selector: VectorSelector) -> dict[str, Any]:
    matchers = [*selector.matchers]
    if selector.name:
        matchers.append(Matcher(METRIC_NAME, MatchOp.EQUAL, selector.name))
    return {
        "anchored": selector.boundary is Boundary.ANCHORED,
        "matchers": _matchers(matchers),
        "name": selector.name,
        **_duration("offset", selector.offset),
        "smoothed": selector.boundary is Boundary.SMOOTHED,
        **_at(selector.at),
    }


def _matchers(matchers: Sequence[Matcher]) -> list[dict[str, str]]:
    return [{"name": m.name, "type": m.op, "value": m.value} for m in matchers]


def _subquery(subquery: Subquery) -> dict[str, Any]:
    return {
        "expr": tree_json(subquery.expr),
        **_duration("offset", subquery.offset),
        **_duration("range", subquery.range),
        **_duration("step", subquery.step or 0),
        **_at(subquery.at),
        "type": "subquery",
    }


def _at(at: int | AtBound | None) -> dict[str, Any]:
    if isinstance(at, AtBound):
        return {"startOrEnd": _BOUNDS[at], "timestamp": None}
    return {"startOrEnd": None, "timestamp": at}


def _call(call: Call) -> dict[str, Any]:
    signature = SIGNATURES[call.function]
    optional = -1 if signature.most is None else signature.most - signature.least
    return {
        "args": [tree_json(arg) for arg in call.args],
        "func": {
            "argTypes": [_TYPES[kind] for kind in signature.arguments],
            "name": call.function,
            "returnType": _TYPES[signature.result],
            "variadic": optional,
        },
        "type": "call",
    }


def _matching(binary: Binary) -> dict[str, Any] | None:
    if not value_type(binary.lhs) is value_type(binary.rhs) is ValueType.VECTOR:
        return None
    matching = binary.matching or VectorMatching()
    return {
        "card": "many-to-many" if binary.op.is_set_operator else matching.cardinality,
        "fillValues": {"lhs": _number(matching.fill_left), "rhs": _number(matching.fill_right)},
        "include": matching.include,
        "labels": matching.labels,
        "on": matching.on,
    }


def _number(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _duration(name: str, duration: Duration) -> dict[str, Any]:
    """Return a duration in ms, and what it is worked out from where it is not known yet."""
    if isinstance(duration, DurationExpr):
        return {name: 0, f"{name}Expr": _duration_expr(duration)}
    return {name: duration, f"{name}Expr": None}


def _duration_expr(duration: NumberLiteral | DurationExpr) -> dict[str, Any]:
    if isinstance(duration, NumberLiteral):
        return {
            "duration": duration.is_duration,
            "type": "numberLiteral",
            "val": plain(duration.value),
        }
    match duration.op, duration.args:
        case DurationOp.PAREN, (NumberLiteral() as number,):
            # Prometheus takes a number in parentheses for one with a plus before it.
            return _operation("+", None, number, is_wrapped=True)
        case DurationOp.PAREN, (DurationExpr() as inner,):
            return {**_duration_expr(inner), "wrapped": True}
        case DurationOp.ADD, (operand,):
            return _duration_expr(operand)
        case op, (operand,):
            return _operation(op, None, operand)
        case op, (lhs, rhs):
            return _operation(op, lhs, rhs)
        case op, _:
            return _operation(op, None, None)


def _operation(
    op: str,
    lhs: NumberLiteral | DurationExpr | None,
    rhs: NumberLiteral | DurationExpr | None,
    *,
    is_wrapped: bool = False,
) -> dict[str, Any]:
    return {
        "lhs": None if lhs is None else _duration_expr(lhs),
        "op": op,
        "rhs": None if rhs is None else _duration_expr(rhs),
        "type": "durationExpr",
        "wrapped": is_wrapped,
    }
