from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.differences import Line, Part, different_lines, different_words


def test_words_that_differ_are_marked_in_both_texts() -> None:
    before, after = different_words("sum(rate(a[5m])) > 1", "sum(rate(b[5m])) > 10")

    assert [part.text for part in before if part.is_changed] == ["a", "1"]
    assert [part.text for part in after if part.is_changed] == ["b", "10"]


def test_what_is_new_differs_from_nothing() -> None:
    assert different_words("", "a b") == ([], [Part("a b", is_changed=True)])


@given(st.text(), st.text())
def test_parts_make_up_the_texts(first: str, second: str) -> None:
    before, after = different_words(first, second)

    assert "".join(part.text for part in before) == first
    assert "".join(part.text for part in after) == second


def test_texts_of_too_many_words_differ_as_a_whole() -> None:
    long = "a " * 2_001

    assert different_words(long, "a") == (
        [Part(long, is_changed=True)],
        [Part("a", is_changed=True)],
    )


def test_lines_that_are_gone_come_before_those_that_came_instead() -> None:
    assert different_lines("a\nb\nc", "a\nx\nc") == [
        Line("same", "a"),
        Line("gone", "b"),
        Line("new", "x"),
        Line("same", "c"),
    ]
