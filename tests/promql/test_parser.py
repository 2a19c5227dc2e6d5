import math

import pytest

from observability.promql import ParseError, UnsupportedError, parse
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.parser import MAX_DEPTH
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

X = VectorSelector("x")
Y = VectorSelector("y")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5e3", NumberLiteral(1500)),
        ("0x1f", NumberLiteral(31)),
        ("NaN", NumberLiteral(math.nan)),
        ("-Inf", NumberLiteral(-math.inf)),
        ("5m", NumberLiteral(300)),
        ("'it\"s'", StringLiteral('it"s')),
        ("x", X),
        ("(x)", Paren(X)),
        ("-x", Unary(X)),
        (
            'x{a="b",c!="d",e=~"f.*",g!~"h"}',
            VectorSelector(
                "x",
                (
                    Matcher("a", MatchOp.EQUAL, "b"),
                    Matcher("c", MatchOp.NOT_EQUAL, "d"),
                    Matcher("e", MatchOp.REGEX, "f.*"),
                    Matcher("g", MatchOp.NOT_REGEX, "h"),
                ),
            ),
        ),
        ('{"a.b"}', VectorSelector("", (Matcher("__name__", MatchOp.EQUAL, "a.b"),))),
        ("x offset 5m", VectorSelector("x", offset_ms=300_000)),
        ("x offset -1ms", VectorSelector("x", offset_ms=-1)),
        ("x @ 1.5", VectorSelector("x", at=1500)),
        ("x @ 0", VectorSelector("x", at=0)),
        ("x @ -1.5 offset 1s", VectorSelector("x", offset_ms=1000, at=-1500)),
        ("x @ 253402300800", VectorSelector("x", at=253_402_300_800_000)),
        ("x @ start()", VectorSelector("x", at=AtBound.START)),
        ("x[5m] @ end()", MatrixSelector(VectorSelector("x", at=AtBound.END), 300_000)),
        ("x[300]", MatrixSelector(X, 300_000)),
        ("x[1h:]", Subquery(X, 3_600_000)),
        (
            "x @ -2[1h:1m] @ -3 offset 2m",
            Subquery(VectorSelector("x", at=-2000), 3_600_000, 60_000, 120_000, -3000),
        ),
        ("rate(x[1m])", Call("rate", (MatrixSelector(X, 60_000),))),
        ("SUM(x)", Aggregation(AggregationOp.SUM, X)),
        ("sum(x) by (a, b)", Aggregation(AggregationOp.SUM, X, None, ("a", "b"))),
        ("max without () (x)", Aggregation(AggregationOp.MAX, X, None, (), without=True)),
        ("topk(3, x)", Aggregation(AggregationOp.TOPK, X, NumberLiteral(3))),
        ("x + y", Binary(BinaryOp.ADD, X, Y)),
        ("x > bool 1", Binary(BinaryOp.GTR, X, NumberLiteral(1), return_bool=True)),
        ("x and y", Binary(BinaryOp.AND, X, Y)),
        (
            "x unless ignoring (a) y",
            Binary(BinaryOp.UNLESS, X, Y, matching=VectorMatching(("a",))),
        ),
        ("x / on () y", Binary(BinaryOp.DIV, X, Y, matching=VectorMatching(on=True))),
        (
            "x * on (a) group_right (b) y",
            Binary(
                BinaryOp.MUL,
                X,
                Y,
                matching=VectorMatching(("a",), True, Cardinality.ONE_TO_MANY, ("b",)),
            ),
        ),
        (
            "2 ^ 3 ^ 4",
            Binary(
                BinaryOp.POW,
                NumberLiteral(2),
                Binary(BinaryOp.POW, NumberLiteral(3), NumberLiteral(4)),
            ),
        ),
    ],
    ids=str,
)
def test_text_becomes_a_tree(text: str, expected: Expr) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "x{",
        "x{}{}",
        "sum()",
        "rate(x)",
        "nosuch(x)",
        "{}",
        'x == "a"',
        'x{a="b" or c="d"}',
        "x @ 1e30",
    ],
)
def test_what_is_not_promql_is_a_parse_error(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)

    assert caught.value.kind == "bad_data"
    assert "parse error: " in str(caught.value)


def test_a_parse_error_says_where_the_text_ends_too_early() -> None:
    with pytest.raises(ParseError) as caught:
        parse("sum(\n  x{")

    assert caught.value.position == len("sum(\n  x{")
    assert str(caught.value).startswith("2:5: parse error: ")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "1" + ")" * 100_000,
        "-" * 100_000 + "x",
        "x" + "+x" * 20_000,
        "sum(" * 20_000,
    ],
    ids=["parentheses", "signs", "operators", "aggregations"],
)
def test_a_text_that_would_end_the_process_is_a_parse_error(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


def test_an_expression_deeper_than_the_engine_can_walk_is_a_parse_error() -> None:
    with pytest.raises(ParseError, match="levels deep"):
        parse("(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH)


@pytest.mark.parametrize(
    "text",
    [
        "x[5m*2]",
        "x offset (1m)",
        "rate(x[5m] anchored)",
        "x </ 1",
        "holt_winters(x[5m],0.5,0.5)",
        r'x{a="\xff"}',
    ],
)
def test_promql_that_the_library_does_not_know_is_named_as_not_supported(text: str) -> None:
    with pytest.raises(UnsupportedError):
        parse(text)
