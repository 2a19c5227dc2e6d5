"""Expressions and data at random, for the properties of the engine."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import strategies as st

from observability.promql.labels import label_set
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.staleness import STALE_NAN
from observability.promql.syntax import (
    Aggregation,
    AggregationOp,
    AtBound,
    Binary,
    BinaryOp,
    Boundary,
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

from .reference import Data, Samples

NAMES = ("x", "y_total")
VALUES = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, math.nan, STALE_NAN, math.inf, -math.inf, 1e9]),
    st.floats(min_value=-1e6, max_value=1e6, allow_subnormal=False),
    st.integers(0, 50).map(float),
)
TIMES = st.integers(0, 80)


@st.composite
def series_samples(draw: st.DrawFn) -> Samples:
    """Samples of a series: with gaps, stale markers and what is no number, or a busy counter."""
    jitter = draw(st.sampled_from([0, 1, 777]))
    if draw(st.booleans()):
        times = draw(st.lists(TIMES, max_size=30, unique=True).map(sorted))
        return [(time * 15_000 + jitter, draw(VALUES)) for time in times]
    step = draw(st.sampled_from([0.5, 3.0, 1e6]))
    restarts = draw(st.sets(TIMES, max_size=3))
    gaps = draw(st.sets(TIMES, max_size=10))
    value, samples = draw(st.integers(0, 5)) * step, []
    for time in range(81):
        value = 0.0 if time in restarts else value + step * (time % 3)
        if time not in gaps:
            samples.append((time * 15_000 + jitter, value))
    return samples


@st.composite
def data_sets(draw: st.DrawFn) -> Data:
    """A few series of a few names and labels."""
    keys = draw(
        st.sets(
            st.tuples(
                st.sampled_from(NAMES), st.sampled_from(["", "1", "2"]), st.sampled_from("ab")
            ),
            max_size=7,
        )
    )
    return {
        label_set({"__name__": name, "i": i, "job": job}): draw(series_samples())
        for name, i, job in sorted(keys)
    }


BOUNDS = ("0.1", "0.5", "1e0", "1", "-1", "+Inf", "Inf", "much", "")


@st.composite
def histogram_sets(draw: st.DrawFn) -> Data:
    """The buckets of a few histograms; some are missing, some fall, some are no buckets."""
    times = [n * 60_000 for n in range(20)]
    data = {}
    for job in draw(st.sets(st.sampled_from("ab"), min_size=1)):
        for bound in sorted(draw(st.sets(st.sampled_from(BOUNDS), max_size=7)) | {"+Inf"}):
            most = draw(st.sampled_from([0, 3, 30]))
            counts = draw(st.lists(st.integers(0, most), min_size=20, max_size=20))
            gaps = draw(st.sets(st.sampled_from(times), max_size=4))
            samples = [
                (time, float(sum(counts[: n + 1])))
                for n, time in enumerate(times)
                if time not in gaps
            ]
            data[label_set({"__name__": "h_bucket", "job": job, "le": bound})] = samples
    return data


DURATIONS = st.sampled_from([1, 15_000, 30_000, 60_000, 90_000, 300_000, 420_001])
OFFSETS = st.sampled_from([0, 0, 0, 30_000, -45_000])
FIXED_TIMES = st.sampled_from([None, None, None, None, 300_000, AtBound.START, AtBound.END])
MATCHERS = st.lists(
    st.sampled_from(
        [
            Matcher("i", MatchOp.EQUAL, "1"),
            Matcher("i", MatchOp.EQUAL, ""),
            Matcher("i", MatchOp.NOT_EQUAL, "1"),
            Matcher("job", MatchOp.EQUAL, "a"),
            Matcher("job", MatchOp.REGEX, "a|c"),
            Matcher("job", MatchOp.NOT_REGEX, "a.*"),
        ]
    ),
    max_size=2,
).map(tuple)
SELECTORS = st.builds(
    VectorSelector, st.sampled_from(NAMES), MATCHERS, OFFSETS, FIXED_TIMES
) | st.builds(
    VectorSelector,
    st.just(""),
    st.just((Matcher("__name__", MatchOp.REGEX, "x|y.*"),)),
    OFFSETS,
    FIXED_TIMES,
)
NUMBERS = st.sampled_from([0.0, 1.0, -2.5, 7.0, 0.1]).map(NumberLiteral)
QUANTILES = st.sampled_from([-0.5, 0.0, 0.3, 0.5, 1.0, 7.0, math.nan])
WINDOW_FUNCTIONS = (
    *("rate", "increase", "delta", "irate", "idelta", "changes", "resets", "deriv"),
    *("predict_linear", "double_exponential_smoothing"),
    *(
        f"{name}_over_time"
        for name in (
            *("avg", "min", "max", "sum", "count", "first", "last", "mad", "quantile", "present"),
            *("stddev", "stdvar", "ts_of_first", "ts_of_last", "ts_of_max", "ts_of_min", "absent"),
        )
    ),
)


def window_call(name: str, matrix: MatrixSelector | Subquery, number: float = 0.3) -> Call:
    """Return a call of a function of range vectors, with other arguments where it has any."""
    match name:
        case "quantile_over_time":
            return Call(name, (NumberLiteral(number), matrix))
        case "double_exponential_smoothing":
            return Call(name, (matrix, NumberLiteral(0.3), NumberLiteral(0.6)))
        case "predict_linear":
            return Call(name, (matrix, NumberLiteral(90.0)))
        case _:
            return Call(name, (matrix,))


MATRICES = st.builds(MatrixSelector, SELECTORS, DURATIONS)
WINDOWS = st.builds(window_call, st.sampled_from(WINDOW_FUNCTIONS), MATRICES, QUANTILES)


def _bounded(names: list[str], boundaries: st.SearchStrategy[Boundary]) -> st.SearchStrategy[Expr]:
    selectors = st.builds(replace, SELECTORS, boundary=boundaries)
    return st.builds(
        window_call, st.sampled_from(names), st.builds(MatrixSelector, selectors, DURATIONS)
    )


BOUNDED_WINDOWS = _bounded(["rate", "increase", "delta"], st.sampled_from(Boundary)) | _bounded(
    ["changes", "resets"], st.just(Boundary.ANCHORED)
)
SMOOTHED = st.builds(replace, SELECTORS, boundary=st.just(Boundary.SMOOTHED))
TIMESTAMPS = st.builds(lambda selector: Call("timestamp", (selector,)), SELECTORS)
LEAVES: st.SearchStrategy[Expr] = st.one_of(
    SELECTORS, WINDOWS, SMOOTHED, BOUNDED_WINDOWS, TIMESTAMPS
)

GROUPINGS = st.sampled_from([(), ("i",), ("job",), ("i", "job"), ("none",)])
FOLDS = [
    AggregationOp(name)
    for name in ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
]
ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"]
COMPARISONS = ["==", "!=", "<", ">", "<=", ">="]
OPERATORS = st.sampled_from([BinaryOp(op) for op in (*ARITHMETIC, *COMPARISONS)])
SET_OPERATORS = st.sampled_from([BinaryOp.AND, BinaryOp.OR, BinaryOp.UNLESS])
FILLS = st.sampled_from([None, None, None, 0.0, 5.0])
MATCHINGS = st.none() | st.builds(
    VectorMatching,
    st.sampled_from([(), ("i",), ("job",), ("i", "job")]),
    st.booleans(),
    st.sampled_from([*Cardinality, Cardinality.ONE_TO_ONE]),
    fill_left=FILLS,
    fill_right=FILLS,
)
SET_MATCHINGS = st.none() | st.builds(
    VectorMatching, st.sampled_from([(), ("i",), ("job",), ("__name__",)]), st.booleans()
)
VALUE_FUNCTIONS = (
    *("abs", "ceil", "floor", "sgn", "round", "exp", "sqrt", "ln", "log2", "log10", "rad", "deg"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh"),
    *("atanh", "timestamp", "sort", "sort_desc"),
)


def _binary(
    op: BinaryOp,
    lhs: Expr,
    rhs: Expr,
    return_bool: bool = False,
    matching: VectorMatching | None = None,
) -> Expr:
    if matching == VectorMatching():
        matching = None
    return Paren(Binary(op, Paren(lhs), Paren(rhs), return_bool and op.is_comparison, matching))


def _grouped_join(
    op: BinaryOp, lhs: Expr, rhs: Expr, is_left: bool, include: tuple[str, ...]
) -> Expr:
    """Return a join that finds its partners: the labels of one side are all of the grouping."""
    many, one = lhs, Aggregation(AggregationOp.SUM, rhs, None, ("job",))
    matching = VectorMatching(
        ("job",), True, Cardinality.MANY_TO_ONE if is_left else Cardinality.ONE_TO_MANY, include
    )
    lhs, rhs = (many, one) if is_left else (one, many)
    return _binary(op, lhs, rhs, matching=matching)


def _subquery(
    name: str, inside: Expr, range_ms: int, step_ms: int | None, offset_ms: int, at: int | None
) -> Expr:
    return window_call(name, Subquery(Paren(inside), range_ms, step_ms, offset_ms, at))


def _labelled(vector: Expr, name: str, target: str) -> Expr:
    if name == "label_join":
        texts = (target, "-", "job", "i")
    else:
        texts = (target, "to-$1", "i", "(.).*")
    return Call(name, (vector, *map(StringLiteral, texts)))


def larger(vectors: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Return expressions around these."""
    return st.one_of(
        st.builds(Unary, vectors.map(Paren)),
        st.builds(
            Aggregation, st.sampled_from(FOLDS), vectors, st.none(), GROUPINGS, st.booleans()
        ),
        st.builds(
            Aggregation,
            st.just(AggregationOp.QUANTILE),
            vectors,
            QUANTILES.map(NumberLiteral),
            GROUPINGS,
            st.booleans(),
        ),
        st.builds(
            Aggregation,
            st.just(AggregationOp.COUNT_VALUES),
            vectors,
            st.sampled_from(["value", "i"]).map(StringLiteral),
            GROUPINGS,
            st.booleans(),
        ),
        st.builds(_binary, OPERATORS, vectors, NUMBERS, st.booleans()),
        st.builds(_binary, OPERATORS, NUMBERS, vectors, st.booleans()),
        st.builds(_binary, OPERATORS, vectors, vectors, st.booleans(), MATCHINGS),
        st.builds(_binary, SET_OPERATORS, vectors, vectors, st.just(False), SET_MATCHINGS),
        st.builds(
            _grouped_join,
            OPERATORS,
            vectors,
            vectors,
            st.booleans(),
            st.sampled_from([(), ("i",)]),
        ),
        st.builds(
            _subquery,
            st.sampled_from(WINDOW_FUNCTIONS),
            vectors,
            st.sampled_from([60_000, 150_000, 300_000]),
            st.sampled_from([None, 30_000, 100_000]),
            OFFSETS,
            st.sampled_from([None, None, 300_000]),
        ),
        st.builds(lambda n, v: Call(n, (v,)), st.sampled_from(VALUE_FUNCTIONS), vectors),
        st.builds(
            lambda n, v, a: Call(n, (v, a)),
            st.sampled_from(["clamp_min", "clamp_max", "round"]),
            vectors,
            NUMBERS,
        ),
        st.builds(lambda v, a, b: Call("clamp", (v, a, b)), vectors, NUMBERS, NUMBERS),
        st.builds(lambda v: Call("absent", (v,)), vectors),
        st.builds(lambda v: Call("vector", (Call("scalar", (v,)),)), vectors),
        st.builds(
            _labelled,
            vectors,
            st.sampled_from(["label_replace", "label_join"]),
            st.sampled_from(["i", "job", "new", "__name__"]),
        ),
    )


EXPRESSIONS = st.recursive(LEAVES, larger, max_leaves=4)
CLASSIC = st.recursive(st.one_of(SELECTORS, WINDOWS, TIMESTAMPS), larger, max_leaves=2)
"""What Prometheus 2 knows of selectors."""

# What chooses by the order of series is put around expressions whose series keep theirs.
RANKED = st.builds(
    Aggregation,
    st.sampled_from([AggregationOp.TOPK, AggregationOp.BOTTOMK, AggregationOp.LIMITK]),
    SELECTORS | WINDOWS,
    st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.9, 1e6]).map(NumberLiteral),
    st.sampled_from([(), ("i",), ("job",), ("__name__",)]),
    st.booleans(),
)
BUCKETS = st.sampled_from(
    [
        "h_bucket",
        "rate(h_bucket[5m])",
        "sum by (le) (rate(h_bucket[5m]))",
        "sum without (job) (h_bucket)",
        "-h_bucket",
    ]
)
QUANTILE_TEXTS = st.sampled_from(["-1", "0", "0.01", "0.5", "0.9", "1", "2", "NaN"])
HISTOGRAM_TEXTS = st.builds(
    "histogram_quantile({}, {})".format, QUANTILE_TEXTS, BUCKETS
) | st.builds(
    "histogram_fraction({}, {}, {})".format,
    st.sampled_from(["-Inf", "-1", "0", "0.3"]),
    st.sampled_from(["0.2", "0.7", "1", "+Inf", "NaN"]),
    BUCKETS,
)
