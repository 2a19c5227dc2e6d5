import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql import parse
from observability.promql.matchers import Matcher, MatchOp
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

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
LABELS = st.sampled_from(["job", "instance", "le", "a_1", "with.dot", "über"])
MILLISECONDS = st.one_of(st.integers(1, 10_000), st.sampled_from([300_000, 3_600_000, 90_061_001]))
OFFSETS = st.one_of(st.just(0), MILLISECONDS, MILLISECONDS.map(lambda ms: -ms))
TIMES = st.one_of(st.none(), st.sampled_from(AtBound), st.integers(-(10**13), 10**15))
BOUNDARIES = st.none() | st.sampled_from(Boundary)
FILLS = st.none() | st.floats(allow_nan=False)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, min_value=0.0), st.just(math.nan), st.integers(0, 99).map(float)
).map(NumberLiteral)


@st.composite
def selectors(draw: st.DrawFn) -> VectorSelector:
    # The library checks regular expressions with rules of its own, so they stay simple.
    matchers = draw(
        st.lists(
            st.one_of(
                st.builds(
                    Matcher, LABELS, st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), TEXTS
                ),
                st.builds(
                    Matcher,
                    LABELS,
                    st.sampled_from([MatchOp.REGEX, MatchOp.NOT_REGEX]),
                    st.from_regex(r"\A[a-z]{1,3}(\|[a-z]\.\*)?\Z"),
                ),
            ),
            max_size=3,
        )
    )
    name = draw(st.sampled_from(["up", "job:errors:rate5m", "http_requests_total"]))
    # They are printed in this order.
    matchers.sort(key=str)
    return VectorSelector(name, tuple(matchers), draw(OFFSETS), draw(TIMES), draw(BOUNDARIES))


@st.composite
def operators(draw: st.DrawFn, vectors: st.SearchStrategy[Expr]) -> Expr:
    op = draw(st.sampled_from(BinaryOp))
    cardinality = Cardinality.ONE_TO_ONE
    if not op.is_set_operator:
        cardinality = draw(st.sampled_from(Cardinality))
    on = draw(st.booleans())
    labels = tuple(draw(st.lists(LABELS, max_size=2, unique=True)))
    include: tuple[str, ...] = ()
    if cardinality is not Cardinality.ONE_TO_ONE:
        free = LABELS.filter(lambda name: name not in labels)
        include = tuple(draw(st.lists(free, max_size=2, unique=True)))
    fills = (None, None) if op.is_set_operator else (draw(FILLS), draw(FILLS))
    matching = VectorMatching(labels, on, cardinality, include, *fills)
    return Binary(
        op,
        Paren(draw(vectors)),
        Paren(draw(vectors)),
        op.is_comparison and draw(st.booleans()),
        None if matching == VectorMatching() else matching,
    )


def larger(vectors: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    subqueries = st.builds(
        Subquery, vectors.map(Paren), MILLISECONDS, st.none() | MILLISECONDS, OFFSETS, TIMES
    )
    plain = st.sampled_from([AggregationOp.SUM, AggregationOp.AVG, AggregationOp.STDDEV])
    grouping = st.lists(LABELS, max_size=3, unique=True).map(tuple)
    return st.one_of(
        operators(vectors),
        st.builds(
            Binary, st.sampled_from([BinaryOp.ADD, BinaryOp.POW]), vectors.map(Paren), NUMBERS
        ),
        st.builds(Unary, vectors.map(Paren)),
        st.builds(Aggregation, plain, vectors, st.none(), grouping, st.booleans()),
        st.builds(
            Aggregation, st.just(AggregationOp.TOPK), vectors, NUMBERS, grouping, st.booleans()
        ),
        st.builds(
            Aggregation, st.just(AggregationOp.COUNT_VALUES), vectors, TEXTS.map(StringLiteral)
        ),
        st.builds(lambda arg: Call("abs", (arg,)), vectors),
        st.builds(lambda arg: Call("max_over_time", (arg,)), subqueries),
    )


WINDOWS = st.builds(MatrixSelector, selectors(), MILLISECONDS)
VECTORS = st.recursive(
    st.one_of(selectors(), WINDOWS.map(lambda window: Call("rate", (window,)))),
    larger,
    max_leaves=5,
)


@given(st.one_of(VECTORS, NUMBERS, WINDOWS, TEXTS.map(StringLiteral)))
def test_a_tree_is_printed_as_text_that_parses_to_the_same_tree(tree: Expr) -> None:
    assert parse(str(tree)) == tree


@pytest.mark.parametrize(
    "text",
    [
        'sum by (job, "with.dot") (rate(x{a="b\\n"}[5m] @ 1.500 offset 1h30m))',
        "x * on (a) group_left (b) y",
        "max_over_time(x[1h:30s] offset -5m)",
        "-x ^ 2 > bool -Inf",
        "x + 0.000001 + 10000000000000000000000 + +Inf",
        "x @ 5.000 smoothed offset 1m",
        "rate(x[1m] anchored @ end() offset -1m)",
        "a + fill (5) b - fill_left (1e-07) fill_right (1e+06) c",
        'x{a="\\a\\x01\\u200b\\xff"}',
        '{"label.dot"!~"x|y",__name__="with.dot"}',
    ],
)
def test_text_in_the_printed_form_is_printed_unchanged(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('x{b="1",a!="2"}', 'x{a!="2",b="1"}'),
        ('{"with.dot",a="1"}', '{__name__="with.dot",a="1"}'),
        ("x[0x3c]", "x[1m]"),
        ("a - ignoring() b", "a - b"),
        ("a - on(b) group_left c", "a - on (b) group_left () c"),
        ("a + fill_left(5) fill_right(5) b", "a + fill (5) b"),
        ("x offset +(5)", "x offset (5)"),
        ("x[((step()))]", "x[(step())]"),
        ("x[(+(step()))]", "x[(step())]"),
        ("sum(x) by (a)", "sum by (a) (x)"),
        ("sum by () (x)", "sum(x)"),
    ],
)  # fmt: skip
def test_text_is_printed_as_prometheus_prints_it(text: str, expected: str) -> None:
    assert str(parse(text)) == expected


@pytest.mark.parametrize("name", ["INF", "inf", "NaN"])
def test_a_label_that_reads_as_a_number_is_quoted_where_labels_are_listed(name: str) -> None:
    text = f'sum by ("{name}") (up)'

    assert str(parse(text)) == text
