"""The syntax tree of PromQL; `str()` of a node is PromQL that parses to the same node.

It is the text that Prometheus prints. Source: Prometheus 3, promql/parser/printer.go.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from observability.promql.durations import format_duration
from observability.promql.go_floats import plain, shortest
from observability.promql.labels import (
    METRIC_NAME,
    format_grouping_label,
    is_legacy_metric_name,
    quote,
)
from observability.promql.matchers import Matcher, MatchOp


class Span(NamedTuple):
    """Where a node stands in the text of the query, in characters; the end is exclusive."""

    start: int
    end: int


NO_SPAN = Span(0, 0)


class BinaryOp(StrEnum):
    """An operator between two expressions."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"
    POW = "^"
    ATAN2 = "atan2"
    EQL = "=="
    NEQ = "!="
    GTR = ">"
    LSS = "<"
    GTE = ">="
    LTE = "<="
    TRIM_UPPER = "</"
    TRIM_LOWER = ">/"
    AND = "and"
    OR = "or"
    UNLESS = "unless"

    @property
    def is_comparison(self) -> bool:
        """Whether the operator filters, or gives 0 or 1 with `bool`."""
        return self in _COMPARISONS

    @property
    def is_trim(self) -> bool:
        """Whether the operator takes observations away from native histograms."""
        return self in (BinaryOp.TRIM_UPPER, BinaryOp.TRIM_LOWER)

    @property
    def is_set_operator(self) -> bool:
        """Whether the operator works on which series there are, not on their values."""
        return self in (BinaryOp.AND, BinaryOp.OR, BinaryOp.UNLESS)


_COMPARISONS = frozenset(
    {BinaryOp.EQL, BinaryOp.NEQ, BinaryOp.GTR, BinaryOp.LSS, BinaryOp.GTE, BinaryOp.LTE}
)


class AggregationOp(StrEnum):
    """An operator that folds series into groups."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    GROUP = "group"
    STDDEV = "stddev"
    STDVAR = "stdvar"
    TOPK = "topk"
    BOTTOMK = "bottomk"
    COUNT_VALUES = "count_values"
    QUANTILE = "quantile"
    LIMITK = "limitk"
    LIMIT_RATIO = "limit_ratio"


class Boundary(StrEnum):
    """How a range vector selector treats the edges of its window."""

    ANCHORED = "anchored"
    SMOOTHED = "smoothed"


class AtBound(StrEnum):
    """A time of the query that `@` may name."""

    START = "start()"
    END = "end()"


class Cardinality(StrEnum):
    """How many series of one side may match one series of the other."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """A number; NaN is always `math.nan` itself, so that trees compare equal.

    Attributes:
        value: The number, of a duration its seconds.
        is_duration: Whether it was written as a duration.
    """

    value: float
    is_duration: bool = field(default=False, compare=False)
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    def __str__(self) -> str:
        if self.is_duration:
            return format_duration(round(self.value * 1000))
        return plain(self.value)


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """A string."""

    value: str
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    def __str__(self) -> str:
        return quote(self.value)


class DurationOp(StrEnum):
    """What a duration expression does with its parts."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"
    POW = "^"
    STEP = "step"
    RANGE = "range"
    MIN_OF = "min_of"
    MAX_OF = "max_of"
    PAREN = "()"


@dataclass(frozen=True, slots=True)
class DurationExpr:
    """A duration that is worked out from the times of the query (durations.py says how).

    Attributes:
        op: The operator or function.
        args: Two parts of an operator or of `min_of`, one of a sign or of parentheses.
    """

    op: DurationOp
    args: "tuple[NumberLiteral | DurationExpr, ...]" = ()
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    def __str__(self) -> str:
        match self.op:
            case DurationOp.STEP | DurationOp.RANGE:
                return f"{self.op}()"
            case DurationOp.MIN_OF | DurationOp.MAX_OF:
                return f"{self.op}({', '.join(map(str, self.args))})"
            case DurationOp.PAREN:
                inner = str(self.args[0])
                return inner if _is_in_parentheses(self.args[0]) else f"({inner})"
            case DurationOp.ADD if len(self.args) == 1:
                # A plus changes nothing, and Prometheus forgets it.
                return str(self.args[0])
            case _ if len(self.args) == 1:
                return f"{self.op}{self.args[0]}"
            case _:
                return f"{self.args[0]} {self.op} {self.args[1]}"


Duration: TypeAlias = int | DurationExpr
"""A duration in ms, or what it is worked out from."""


@dataclass(frozen=True, slots=True)
class VectorSelector:
    """An instant vector selector.

    Attributes:
        name: The metric name where it stands before the braces, '' otherwise.
        matchers: What stands in the braces.
        offset: How far before the evaluation time to look.
        at: A fixed time in ms, or a bound of the query; None for the evaluation time.
        boundary: How the edges of its window are treated, where not as usual.
    """

    name: str
    matchers: tuple[Matcher, ...] = ()
    offset: Duration = 0
    at: int | AtBound | None = None
    boundary: Boundary | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    @property
    def offset_ms(self) -> int:
        """The offset, once it is worked out."""
        return _worked_out(self.offset)

    @property
    def all_matchers(self) -> tuple[Matcher, ...]:
        """The matchers, with the metric name as the first of them."""
        if not self.name:
            return self.matchers
        return (Matcher(METRIC_NAME, MatchOp.EQUAL, self.name), *self.matchers)

    def __str__(self) -> str:
        modifiers = _format_at(self.at) + self._format_boundary() + _format_offset(self.offset)
        return self._format_series() + modifiers

    def _format_boundary(self) -> str:
        return "" if self.boundary is None else f" {self.boundary}"

    def _format_series(self) -> str:
        parts = sorted(str(matcher) for matcher in self.matchers)
        name = self.name
        if name and not is_legacy_metric_name(name):
            parts.insert(0, quote(name))
            name = ""
        return name + ("{" + ",".join(parts) + "}" if parts else "")


@dataclass(frozen=True, slots=True)
class MatrixSelector:
    """A range vector selector: all samples of a window that ends at the selector's time."""

    selector: VectorSelector
    range: Duration
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    @property
    def range_ms(self) -> int:
        """The length of the window, once it is worked out."""
        return _worked_out(self.range)

    def __str__(self) -> str:
        selector = self.selector
        modifiers = selector._format_boundary() + _format_modifiers(selector.at, selector.offset)
        return f"{selector._format_series()}[{_format_duration(self.range)}]{modifiers}"


@dataclass(frozen=True, slots=True)
class Subquery:
    """A range vector made by evaluating an instant vector again and again.

    Attributes:
        expr: What is evaluated.
        range: Length of the window.
        step: Distance of the evaluations; None for the engine's default.
        offset: As in `VectorSelector`.
        at: As in `VectorSelector`.
    """

    expr: "Expr"
    range: Duration
    step: Duration | None = None
    offset: Duration = 0
    at: int | AtBound | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    @property
    def range_ms(self) -> int:
        """The length of the window, once it is worked out."""
        return _worked_out(self.range)

    @property
    def step_ms(self) -> int | None:
        """The distance of the evaluations, once it is worked out."""
        return None if self.step is None else _worked_out(self.step)

    @property
    def offset_ms(self) -> int:
        """The offset, once it is worked out."""
        return _worked_out(self.offset)

    @property
    def suffix(self) -> str:
        """What stands behind the expression: `[5m:1m] offset 1h`."""
        step = "" if self.step is None else _format_duration(self.step)
        modifiers = _format_modifiers(self.at, self.offset)
        return f"[{_format_duration(self.range)}:{step}]{modifiers}"

    def __str__(self) -> str:
        return f"{self.expr}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    args: tuple["Expr", ...] = ()
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.args))})"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Series folded into groups.

    Attributes:
        op: How a group's values become one, or which of them stay.
        expr: An instant vector.
        param: The parameter that `topk`, `quantile` and the like take first.
        grouping: The labels after `by` or `without`.
        without: Whether `grouping` names the labels to drop instead of those to keep.
    """

    op: AggregationOp
    expr: "Expr"
    param: "Expr | None" = None
    grouping: tuple[str, ...] = ()
    without: bool = False
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    @property
    def prefix(self) -> str:
        """What stands before the parentheses: `sum by (job) `."""
        if not self.grouping and not self.without:
            return self.op
        return f"{self.op} {'without' if self.without else 'by'} {_format_names(self.grouping)} "

    def __str__(self) -> str:
        param = "" if self.param is None else f"{self.param}, "
        return f"{self.prefix}({param}{self.expr})"


@dataclass(frozen=True, slots=True)
class VectorMatching:
    """Which series of two vectors belong together.

    Attributes:
        labels: The labels after `on` or `ignoring`.
        on: Whether `labels` names those to compare instead of those to leave out.
        cardinality: Which side may have several series for one of the other.
        include: Labels that the result takes from the "one" side.
        fill_left: Value that stands in for a missing series of the left side.
        fill_right: The same for the right side.
    """

    labels: tuple[str, ...] = ()
    on: bool = False
    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None

    @property
    def fills(self) -> bool:
        """Whether a value stands in for missing series of some side."""
        return self.fill_left is not None or self.fill_right is not None

    def __str__(self) -> str:
        parts = []
        if self.on or self.labels or self.cardinality is not Cardinality.ONE_TO_ONE:
            parts.append(f"{'on' if self.on else 'ignoring'} {_format_names(self.labels)}")
        if self.cardinality is not Cardinality.ONE_TO_ONE:
            side = "left" if self.cardinality is Cardinality.MANY_TO_ONE else "right"
            parts.append(f"group_{side} {_format_names(self.include)}")
        if self.fill_left is not None and self.fill_left == self.fill_right:
            parts.append(f"fill ({shortest(self.fill_left)})")
        else:
            if self.fill_left is not None:
                parts.append(f"fill_left ({shortest(self.fill_left)})")
            if self.fill_right is not None:
                parts.append(f"fill_right ({shortest(self.fill_right)})")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions with an operator between them.

    Attributes:
        op: The operator.
        lhs: What stands before it.
        rhs: What stands after it.
        return_bool: Whether a comparison gives 0 or 1 instead of filtering.
        matching: How two vectors are matched, where the default is not wanted.
    """

    op: BinaryOp
    lhs: "Expr"
    rhs: "Expr"
    return_bool: bool = False
    matching: VectorMatching | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    @property
    def operator(self) -> str:
        """What stands between the two: `> bool on (job)`."""
        modifiers = " bool" if self.return_bool else ""
        if self.matching is not None and (matching := str(self.matching)):
            modifiers += f" {matching}"
        return f"{self.op}{modifiers}"

    def __str__(self) -> str:
        return f"{self.lhs} {self.operator} {self.rhs}"


@dataclass(frozen=True, slots=True)
class Unary:
    """An expression with a sign; a plus changes nothing."""

    expr: "Expr"
    is_plus: bool = False
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    def __str__(self) -> str:
        return f"{'+' if self.is_plus else '-'}{self.expr}"


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression in parentheses."""

    expr: "Expr"
    span: Span = field(default=NO_SPAN, compare=False, repr=False, kw_only=True)

    def __str__(self) -> str:
        return f"({self.expr})"


Expr: TypeAlias = (
    NumberLiteral
    | StringLiteral
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Call
    | Aggregation
    | Binary
    | Unary
    | Paren
)


def unwrap(expr: Expr) -> Expr:
    """Return `expr` without the parentheses around it."""
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr


def _worked_out(duration: Duration) -> int:
    if isinstance(duration, DurationExpr):
        raise TypeError(f"{duration} has no value before the times of the query are known")
    return duration


def _format_names(names: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(format_grouping_label, names)) + ")"


def _format_duration(duration: Duration) -> str:
    return str(duration) if isinstance(duration, DurationExpr) else format_duration(duration)


def _is_in_parentheses(duration: NumberLiteral | DurationExpr) -> bool:
    """Say whether a duration is printed with parentheses around it: they are never doubled."""
    if not isinstance(duration, DurationExpr):
        return False
    if duration.op is DurationOp.ADD and len(duration.args) == 1:
        return _is_in_parentheses(duration.args[0])
    return duration.op is DurationOp.PAREN


def _format_modifiers(at: int | AtBound | None, offset: Duration) -> str:
    return _format_at(at) + _format_offset(offset)


def _format_at(at: int | AtBound | None) -> str:
    if at is None:
        return ""
    if isinstance(at, AtBound):
        return f" @ {at}"
    sign = "-" if at < 0 else ""
    return f" @ {sign}{abs(at) // 1000}.{abs(at) % 1000:03d}"


def _format_offset(offset: Duration) -> str:
    return f" offset {_format_duration(offset)}" if offset else ""
