import pytest

from observability.promql.errors import InvalidRegexError
from observability.promql.labels import label_set
from observability.promql.matchers import Matcher, MatchOp, matches_all


@pytest.mark.parametrize(
    ("op", "pattern", "value", "expected"),
    [
        (MatchOp.EQUAL, "a", "a", True),
        (MatchOp.EQUAL, "a", "A", False),
        (MatchOp.EQUAL, "", "", True),
        (MatchOp.NOT_EQUAL, "a", "", True),
        (MatchOp.NOT_EQUAL, "", "", False),
        (MatchOp.REGEX, "a", "ab", False),
        (MatchOp.REGEX, "a|bc", "bc", True),
        (MatchOp.REGEX, "a.c", "a\nc", True),
        (MatchOp.REGEX, ".*", "", True),
        (MatchOp.REGEX, "(?i)a", "A", True),
        (MatchOp.REGEX, "ü+", "üü", True),
        (MatchOp.NOT_REGEX, ".+", "", True),
        (MatchOp.NOT_REGEX, "a", "ab", True),
        (MatchOp.NOT_REGEX, "a.*", "ab", False),
    ],
)
def test_a_matcher_selects_values_as_prometheus_does(
    op: MatchOp, pattern: str, value: str, expected: bool
) -> None:
    assert Matcher("x", op, pattern).matches(value) is expected


def test_an_absent_label_has_the_empty_value() -> None:
    labels = label_set({"job": "a", "zone": ""})

    assert matches_all([Matcher("zone", MatchOp.EQUAL, "")], labels)
    assert not matches_all([Matcher("zone", MatchOp.REGEX, ".+")], labels)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "missing closing ): `(`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ],
)
def test_a_pattern_that_re2_refuses_is_an_error_in_the_words_of_prometheus(
    pattern: str, message: str
) -> None:
    with pytest.raises(InvalidRegexError) as caught:
        Matcher("x", MatchOp.REGEX, pattern).matches("a")

    assert str(caught.value) == f"error parsing regexp: {message}"


def test_a_pattern_that_would_take_forever_elsewhere_takes_no_time() -> None:
    assert not Matcher("x", MatchOp.REGEX, "(a+)+b").matches("a" * 10_000)
