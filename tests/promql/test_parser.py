import math
from dataclasses import replace

import pytest

from observability.promql import ParseError, parse
from observability.promql.errors import ExecutionError
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.parser import MAX_DEPTH, parse_metric_selector
from observability.promql.plan import fix_bounds
from observability.promql.steps import Steps
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
        ("x offset 5m", VectorSelector("x", offset=300_000)),
        ("x offset -1ms", VectorSelector("x", offset=-1)),
        ("x @ 1.5", VectorSelector("x", at=1500)),
        ("x @ 0", VectorSelector("x", at=0)),
        ("x @ -1.5 offset 1s", VectorSelector("x", offset=1000, at=-1500)),
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
    ("text", "message"),
    [
        ("", "unknown position: parse error: no expression found in input"),
        (" # nothing", "1:1: parse error: no expression found in input"),
        ("1 1", '1:3: parse error: unexpected number "1"'),
        ("x y", '1:3: parse error: unexpected identifier "y"'),
        ("x + group_left y", "1:5: parse error: unexpected <group_left>"),
        ("(1", "1:3: parse error: unclosed left parenthesis"),
        ("1)", "1:3: parse error: unexpected right parenthesis ')'"),
        ("sum(1 +)", '1:8: parse error: unexpected ")" in aggregation'),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        (
            "topk(x)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided,"
            " expected 2, got 1",
        ),
        (
            "sum by x (y)",
            '1:8: parse error: unexpected identifier "x" in grouping opts, expected "("',
        ),
        (
            "sum by (1) (y)",
            '1:9: parse error: unexpected number "1" in grouping opts, expected label',
        ),
        (
            'sum by (a "b") (y)',
            '1:11: parse error: unexpected string "\\"b\\"" in grouping opts, expected "," or ")"',
        ),
        (
            "x{a}",
            '1:4: parse error: unexpected "}" in label matching, expected label matching operator',
        ),
        (
            "x{a=b}",
            '1:5: parse error: unexpected identifier "b" in label matching, expected string',
        ),
        ("x{,}", '1:3: parse error: unexpected "," in label matching, expected identifier or "}"'),
        ("x{", "1:3: parse error: unexpected end of input inside braces"),
        ("x{}{}", '1:4: parse error: unexpected "{"'),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ('x{__name__="y"}', '1:1: parse error: metric name must not be set twice: "x" or "y"'),
        ("x[", "1:3: parse error: unexpected end of input in duration expression"),
        ("x[5m", "1:5: parse error: unclosed left bracket"),
        ("x[:5m]", "1:4: parse error: unexpected colon before duration in duration expression"),
        ("x[5m y]", "1:6: parse error: unexpected character: 'y', expected ':'"),
        ("x[5m [1m]]", "1:6: parse error: unexpected left bracket '['"),
        ("x[5y1hs]", '1:3: parse error: unknown unit "hs" in duration "5y1hs"'),
        ("x[1.5m]", '1:3: parse error: unknown unit "." in duration "1.5m"'),
        ("x[1h1d]", '1:3: parse error: not a valid duration string: "1h1d"'),
        ("x[0]", "1:3: parse error: duration must be greater than 0"),
        ("x[y]", "1:3: parse error: unexpected character in duration expression: 'y'"),
        ("x[5m:1m:]", "1:8: parse error: unexpected colon ':'"),
        (
            "x[5m 5]",
            '1:6: parse error: unexpected number "5" in subquery or range, expected ":" or "]"',
        ),
        ("x offset 5m[1m]", "1:12: parse error: no offset modifiers allowed before range"),
        ("sum(x)[5m]", "1:7: parse error: ranges only allowed for vector selectors"),
        (
            "x offset y",
            '1:10: parse error: unexpected identifier "y" in offset,'
            " expected number, duration, step(), or range()",
        ),
        ("x offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
        (
            "1 offset 1m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or"
            " range vector selector or a subquery",
        ),
        ("x @ y", '1:5: parse error: unexpected identifier "y" in @, expected timestamp'),
        ("x @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("nosuch(x)", '1:1: parse error: unknown function with name "nosuch"'),
        ("rate(x,)", "1:7: parse error: trailing commas not allowed in function call args"),
        (
            "rate(x)",
            '1:6: parse error: expected type range vector in call to function "rate", got instant vector',
        ),
        ("rate()", '1:1: parse error: expected 1 argument(s) in call to "rate", got 0'),
        ("round()", '1:1: parse error: expected at least 1 argument(s) in call to "round", got 0'),
        ("1 > 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("x + bool y", "1:3: parse error: bool modifier can only be used on comparison operators"),
        ("1 and x", '1:1: parse error: set operator "and" not allowed in binary scalar expression'),
        ("x and on (a) group_left y", '1:1: parse error: no grouping allowed for "and" operation'),
        (
            "x + on (a) group_left (a) y",
            '1:3: parse error: label "a" must not occur in ON and GROUP clause at once',
        ),
        ("x + fill(y) z", '1:10: parse error: unexpected identifier "y"'),
        (
            "-'a'",
            "1:1: parse error: unary expression only allowed on expressions of type scalar"
            ' or instant vector, got "string"',
        ),
        (
            "x[5m][5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got matrix instead",
        ),
        ("'a", "1:1: parse error: unterminated quoted string"),
        (r"'\q'", "1:1: parse error: unknown escape sequence U+0071 'q'"),
        ("10x", '1:1: parse error: bad number or duration syntax: "10"'),
        ("1..2", '1:1: parse error: bad number or duration syntax: "1.."'),
        ("1e+", '1:1: parse error: bad number or duration syntax: "1e+"'),
        ("1__0", '1:1: parse error: bad number or duration syntax: "1__"'),
        ("0x1.", '1:1: parse error: bad number or duration syntax: "0x1."'),
        ("5m5", '1:1: parse error: bad number or duration syntax: "5m5"'),
        ("5mx", '1:1: parse error: bad number or duration syntax: "5mx"'),
        (
            "0x",
            '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "0x": invalid syntax',
        ),
        ("sum y by (a)", '1:5: parse error: unexpected identifier "y"'),
        ("x\n  !~ y", "2:3: parse error: unexpected character after '!': '~'"),
        ("x[5m:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"),
    ],
    ids=str,
)
def test_a_parse_error_says_what_is_wrong_and_where(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    ["x[5m] anchored", "x smoothed", "x </ y", "holt_winters(x[5m], 0.5, 0.5)"],
)
def test_what_the_engine_does_not_answer_yet_is_parsed(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("010", 8.0),
        ("08", 8.0),
        ("1_000", 1000.0),
        ("0x_1F", 31.0),
        ("1_000.2_5", 1000.25),
        ("1e1_0", 1e10),
        ("9223372036854775808", 9223372036854775808.0),
        (".5e-1", 0.05),
        ("1h30m", 5400.0),
        ("- 5m", -300.0),
    ],
    ids=str,
)
def test_numbers_are_read_as_go_reads_them(text: str, expected: float) -> None:
    assert parse(text) == NumberLiteral(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"\x41\101\u00e9\U0001F600\t\""', 'AA\u00e9\U0001f600\t"'),
        ("`a\\n`", "a\\n"),
        (r"'\'\\'", "'\\"),
    ],
    ids=str,
)
def test_escapes_in_strings_are_resolved(text: str, expected: str) -> None:
    assert parse(text) == StringLiteral(expected)


@pytest.mark.parametrize(
    ("text", "regrouped"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a * b + c", "(a * b) + c"),
        ("a - b - c", "(a - b) - c"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("-a ^ b", "-(a ^ b)"),
        ("-a * b", "(-a) * b"),
        ("a or b and c", "a or (b and c)"),
        ("a == b + c", "a == (b + c)"),
        ("a atan2 b * c", "(a atan2 b) * c"),
        ("a + b offset 5m", "a + (b offset 5m)"),
    ],
)
def test_operators_bind_by_their_precedence(text: str, regrouped: str) -> None:
    assert _bare(parse(text)) == _bare(parse(regrouped))


def _bare(expr: Expr) -> Expr:
    """Return a tree without its parentheses."""
    match expr:
        case Paren(expr=inner):
            return _bare(inner)
        case Binary():
            return replace(expr, lhs=_bare(expr.lhs), rhs=_bare(expr.rhs))
        case Unary():
            return replace(expr, expr=_bare(expr.expr))
        case _:
            return expr


def test_nodes_say_where_they_stand() -> None:
    text = "sum by (a) (rate(x[5m])) / (y)"

    tree = parse(text)

    assert isinstance(tree, Binary)
    stand = [text[slice(*node.span)] for node in (tree, tree.lhs, tree.rhs)]
    assert stand == [text, "sum by (a) (rate(x[5m]))", "(y)"]


@pytest.mark.parametrize(
    ("text", "range_ms"),
    [
        ("x[5m * 2]", 600_000),
        ("x[max_of(1m, step())]", 60_000),
        ("x[(range() / 2) ^ 1]", 1_800_000),
        ("x[-(-1m)]", 60_000),
    ],
)
def test_durations_are_worked_out_from_the_times_of_the_query(text: str, range_ms: int) -> None:
    tree = fix_bounds(parse(text), Steps(0, 3_600_000, 15_000))

    assert isinstance(tree, MatrixSelector)
    assert tree.range_ms == range_ms


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x[1m - 2m]", "2:9: duration must be greater than 0"),
        ("x[1m / (1m - 1m)]", "2:16: division by zero"),
        ("x[10 ^ 400]", "2:10: duration is NaN or infinite"),
    ],
)
def test_a_duration_without_a_use_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        fix_bounds(parse(text), Steps(0, 0, 0))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("up", ['__name__="up"']),
        ('sum{job=~"a|b"}', ['__name__="sum"', 'job=~"a|b"']),
        ('{"http.requests", a!="b"}', ['__name__="http.requests"', 'a!="b"']),
        ('x{__name__="y"}', ['__name__="x"', '__name__="y"']),
        ("{}", []),
        ('{a=~".*"}', ['a=~".*"']),
    ],
    ids=["name", "keyword", "utf-8", "two-names", "empty", "matches-all"],
)
def test_a_selector_stands_alone(text: str, matchers: list[str]) -> None:
    assert [str(matcher) for matcher in parse_metric_selector(text).all_matchers] == matchers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: parse error: unexpected end of input"),
        ("rate(up[5m])", '1:5: parse error: unexpected "("'),
        ("up offset 5m", "1:4: parse error: unexpected <offset>"),
        ("up + 1", "1:4: parse error: unexpected <op:+>"),
        ('up{job="a"', "1:11: parse error: unexpected end of input inside braces"),
        ('up{job=~"("}', "1:4: parse error: error parsing regexp"),
        ("1", '1:1: parse error: unexpected number "1"'),
    ],
    ids=["nothing", "call", "offset", "sum", "open", "regex", "number"],
)  # fmt: skip
def test_what_is_more_or_less_than_a_selector_does_not(text: str, message: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse_metric_selector(text)

    assert str(raised.value).startswith(message)
