"""Whatever is typed, the parser says either what it means or where it is wrong."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from observability.promql import ParseError, parse
from observability.promql.lexer import Kind, Lexer

PIECES = (
    *("sum", "by", "without", "topk", "rate", "abs", "a", "b:c", "and", "unless", "on", "ignoring"),
    *("bool", "group_left", "fill", "offset", "@", "start", "end", "step", "min_of", "Inf", "NaN"),
    *("smoothed", "anchored", "(", ")", "{", "}", "[", "]", ",", ":", "=", "=~", "!=", "!~", "=="),
    *("<", "</", "+", "-", "*", "^", "%", "5m", "1.5", "0x1f", "1e", ".", "1_0", "5m:", '"s"'),
    *("'", '"', "`", "\\", "\\xff", "\\u00e9", "\n", " ", "#", "é", "😀", "\0"),
)
SOUPS = st.lists(st.sampled_from(PIECES), max_size=14)
TEXTS = (
    st.text(st.characters(codec="utf-8"), max_size=40) | SOUPS.map(" ".join) | SOUPS.map("".join)
)
PLACE = re.compile(r"(\d+):(\d+)|unknown position")


@settings(max_examples=1_000)
@given(TEXTS)
@example("(" * 10_000)
@example("-" * 10_000)
@example("a" + "[1m:]" * 5_000)
@example("{" * 5_000)
@example("1" * 100_000)
def test_a_text_parses_or_is_a_parse_error_with_a_place_in_it(text: str) -> None:
    try:
        tree = parse(text)
    except ParseError as error:
        place = PLACE.match(str(error))
        assert place is not None
        if place[1]:
            lines = text.encode(errors="surrogatepass").split(b"\n")
            assert int(place[1]) <= len(lines)
            assert int(place[2]) <= len(lines[int(place[1]) - 1]) + 2
    else:
        assert str(parse(str(tree))) == str(tree)


@given(TEXTS)
def test_tokens_stand_behind_each_other_where_they_say(text: str) -> None:
    lexer, end = Lexer(text), 0

    while (token := lexer.next()).kind not in (Kind.END, Kind.ERROR):
        assert end <= token.start < token.end <= len(text)
        assert text[token.start : token.end] == token.text
        end = token.end

    assert token.start >= end
