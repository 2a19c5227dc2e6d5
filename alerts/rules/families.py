"""Rules that differ only in label values and thresholds, evaluated as one expression.

A hundred rules `cpu{instance="a"} > 90`, `cpu{instance="b"} > 80`, ... are one *family*: `cpu` of all
these instances is evaluated once, each rule takes the series of its own instance, and compares
them with its own threshold. What they share is the family's *shape*: the expression with the
values of some equality matchers taken out, and with the number of its outermost comparison taken
out as well.

A label can be taken out when all selectors of the expression demand the same value of it, and when
series with different values never meet on the way up: functions go series by series, and
aggregations and matchings keep the label apart besides what they keep by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from alerts.rules.thresholds import number_of, numeric_threshold_of
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.parser import selectors
from observability.promql.signatures import ValueType
from observability.promql.syntax import (
    Aggregation,
    AggregationOp,
    Binary,
    BinaryOp,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from observability.promql.typecheck import value_type

# Each series of the result comes from one series with the same labels, the metric's name apart.
_SERIES_BY_SERIES = frozenset(
    [
        "abs",
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atanh",
        "avg_over_time",
        "ceil",
        "changes",
        "clamp",
        "clamp_max",
        "clamp_min",
        "cos",
        "cosh",
        "count_over_time",
        "deg",
        "delta",
        "deriv",
        "double_exponential_smoothing",
        "exp",
        "first_over_time",
        "floor",
        "holt_winters",
        "idelta",
        "increase",
        "irate",
        "last_over_time",
        "ln",
        "log10",
        "log2",
        "mad_over_time",
        "max_over_time",
        "min_over_time",
        "predict_linear",
        "present_over_time",
        "quantile_over_time",
        "rad",
        "rate",
        "resets",
        "round",
        "sgn",
        "sin",
        "sinh",
        "sqrt",
        "stddev_over_time",
        "stdvar_over_time",
        "sum_over_time",
        "tan",
        "tanh",
        "timestamp",
    ]
)
_FOLDS = frozenset(
    {
        AggregationOp.SUM,
        AggregationOp.AVG,
        AggregationOp.MIN,
        AggregationOp.MAX,
        AggregationOp.COUNT,
        AggregationOp.GROUP,
        AggregationOp.STDDEV,
        AggregationOp.STDVAR,
        AggregationOp.QUANTILE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the rules of a family have in common.

    Attributes:
        text: The expression without what was taken out; equal texts are one family.
        labels: The labels whose values were taken out, sorted.
        dropped: Those of them that the result of a rule has not.
        comparison: The outermost operator whose number was taken out; None where there is none.
    """

    text: str
    labels: tuple[str, ...]
    dropped: frozenset[str]
    comparison: BinaryOp | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One expression as a member of a family.

    Attributes:
        shape: The family's.
        open_expr: The expression that gives the shape's labels apart, with none of their matchers.
        values: Its values of the shape's labels, in their order.
        threshold: The number of its comparison; NaN, without meaning, where the shape has none.
    """

    shape: Shape
    open_expr: Expr
    values: tuple[str, ...]
    threshold: float


def member_of(expr: Expr) -> Member:
    """Return an expression as a member of the family that it could be in."""
    inner, comparison, threshold = _without_threshold(expr)
    values = dict(_common_values(inner))
    dropped: frozenset[str] = frozenset()
    opened = inner
    # Each label by itself: one that cannot be taken out leaves the others.
    for label in sorted(values):
        try:
            opened, is_kept = _open(opened, label)
        except _ClosedError:
            del values[label]
            continue
        if not is_kept:
            dropped |= {label}
    labels = tuple(sorted(values))
    shape = Shape(text=str(opened), labels=labels, dropped=dropped, comparison=comparison)
    return Member(
        shape=shape,
        open_expr=opened,
        values=tuple(values[label] for label in labels),
        threshold=threshold,
    )


def restricted(member: Member, values: Sequence[tuple[str, ...]]) -> Expr:
    """Return the family's expression for these values of its labels, as few other series as may be."""
    matchers = []
    for place, label in enumerate(member.shape.labels):
        wanted = sorted({each[place] for each in values})
        if len(wanted) == 1:
            matchers.append(Matcher(label, MatchOp.EQUAL, wanted[0]))
        else:
            matchers.append(Matcher(label, MatchOp.REGEX, "|".join(map(_quoted, wanted))))
    return _with_matchers(member.open_expr, tuple(matchers))


class _ClosedError(Exception):
    """The label cannot be taken out of the expression."""


def _without_threshold(expr: Expr) -> tuple[Expr, BinaryOp | None, float]:
    threshold = numeric_threshold_of(expr)
    if threshold is None or not threshold.is_all:
        return expr, None, float("nan")
    return threshold.watched, threshold.op, threshold.value


def _common_values(expr: Expr) -> Iterator[tuple[str, str]]:
    """Yield labels of which all selectors demand the same value, and nothing else."""
    found_in = list(selectors(expr))
    if not found_in or any(_is_fixed(selector) for selector in found_in):
        return
    found: set[tuple[str, str]] = reduce(
        set.intersection, [set(_demands(selector)) for selector in found_in]
    )
    yield from found


def _is_fixed(selector: VectorSelector) -> bool:
    return selector.boundary is not None


def _demands(selector: VectorSelector) -> Iterator[tuple[str, str]]:
    names = [matcher.name for matcher in selector.matchers]
    for matcher in selector.matchers:
        is_equal = matcher.op is MatchOp.EQUAL and matcher.value and matcher.name != METRIC_NAME
        if is_equal and names.count(matcher.name) == 1:
            yield matcher.name, matcher.value


def _open(expr: Expr, label: str) -> tuple[Expr, bool]:
    """Return the expression with the label kept apart, and whether its own result has it.

    Raises:
        _ClosedError: Series with different values of the label would meet.
    """
    match expr:
        case VectorSelector():
            return _without(expr, label), True
        case MatrixSelector(selector=selector):
            return replace(expr, selector=_without(selector, label)), True
        case Paren(expr=inner) | Unary(expr=inner) | Subquery(expr=inner):
            opened, is_kept = _open(inner, label)
            return replace(expr, expr=opened), is_kept
        case Call(function=function, args=args) if function in _SERIES_BY_SERIES:
            return _open_call(expr, args, label)
        case Aggregation(op=op, param=param, expr=inner) if op in _FOLDS:
            if param is not None and number_of(param) is None:
                raise _ClosedError
            opened, is_kept = _open(inner, label)
            return _open_aggregation(expr, opened, label, is_kept=is_kept)
        case Binary(lhs=lhs, rhs=rhs):
            return _open_binary(expr, lhs, rhs, label)
        case _:
            raise _ClosedError


def _without(selector: VectorSelector, label: str) -> VectorSelector:
    others = tuple(matcher for matcher in selector.matchers if matcher.name != label)
    return replace(selector, matchers=others)


def _open_call(call: Call, args: Sequence[Expr], label: str) -> tuple[Expr, bool]:
    opened: list[Expr] = []
    is_kept = True
    for arg in args:
        if value_type(arg) in (ValueType.VECTOR, ValueType.MATRIX):
            found, is_kept = _open(arg, label)
            opened.append(found)
        elif number_of(arg) is None:
            raise _ClosedError
        else:
            opened.append(arg)
    return replace(call, args=tuple(opened)), is_kept


def _open_aggregation(
    expr: Aggregation, opened: Expr, label: str, *, is_kept: bool
) -> tuple[Expr, bool]:
    is_named = label in expr.grouping
    if expr.without:
        grouping = tuple(name for name in expr.grouping if name != label)
        return replace(expr, expr=opened, grouping=grouping), is_kept and not is_named
    grouping = expr.grouping if is_named else (*expr.grouping, label)
    return replace(expr, expr=opened, grouping=grouping), is_kept and is_named


def _open_binary(expr: Binary, lhs: Expr, rhs: Expr, label: str) -> tuple[Expr, bool]:
    kinds = value_type(lhs), value_type(rhs)
    if kinds == (ValueType.VECTOR, ValueType.SCALAR):
        if number_of(rhs) is None:
            raise _ClosedError
        opened, is_kept = _open(lhs, label)
        return replace(expr, lhs=opened), is_kept
    if kinds == (ValueType.SCALAR, ValueType.VECTOR):
        if number_of(lhs) is None:
            raise _ClosedError
        opened, is_kept = _open(rhs, label)
        return replace(expr, rhs=opened), is_kept
    if kinds != (ValueType.VECTOR, ValueType.VECTOR) or expr.op is BinaryOp.OR:
        raise _ClosedError
    left, is_left_kept = _open(lhs, label)
    right, is_right_kept = _open(rhs, label)
    matching = expr.matching or VectorMatching()
    if matching.cardinality is not Cardinality.ONE_TO_ONE or matching.fills:
        raise _ClosedError
    is_named = label in matching.labels
    # Whether the label takes part in the matching of the expression itself.
    is_compared = is_named if matching.on else not is_named
    if is_compared and is_left_kept is not is_right_kept:
        raise _ClosedError
    if matching.on:
        labels = matching.labels if is_named else (*matching.labels, label)
    else:
        labels = tuple(name for name in matching.labels if name != label)
    opened = replace(expr, lhs=left, rhs=right, matching=replace(matching, labels=labels))
    if expr.op.is_set_operator:
        return opened, is_left_kept
    return opened, is_compared and is_left_kept


def _with_matchers(expr: Expr, matchers: tuple[Matcher, ...]) -> Expr:
    match expr:
        case VectorSelector():
            return replace(expr, matchers=(*expr.matchers, *matchers))
        case MatrixSelector(selector=selector):
            return replace(
                expr, selector=replace(selector, matchers=(*selector.matchers, *matchers))
            )
        case Paren(expr=inner) | Unary(expr=inner) | Subquery(expr=inner) | Aggregation(expr=inner):
            return replace(expr, expr=_with_matchers(inner, matchers))
        case Call(args=args):
            return replace(expr, args=tuple(_with_matchers(arg, matchers) for arg in args))
        case Binary(lhs=lhs, rhs=rhs):
            return replace(
                expr, lhs=_with_matchers(lhs, matchers), rhs=_with_matchers(rhs, matchers)
            )
        case _:
            return expr


def _quoted(text: str) -> str:
    """Return a text as a regular expression that matches it alone; RE2 escapes no letters."""
    return "".join(
        char if char.isalnum() or char == "_" or ord(char) > 127 else f"\\{char}" for char in text
    )


def families(members: Iterable[tuple[int, Member]]) -> dict[Shape, list[tuple[int, Member]]]:
    """Return members with what they stand for by the shape that they share."""
    found: dict[Shape, list[tuple[int, Member]]] = {}
    for place, member in members:
        found.setdefault(member.shape, []).append((place, member))
    return found
