"""Matching all values of a label at once agrees with matching each; what is kept follows the database."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.models import LabelPair
from observability.metrics.store import catalogue
from observability.metrics.store.label_values import LabelValues, label_pairs
from observability.promql.errors import InvalidRegexError
from observability.promql.labels import label_set
from observability.promql.matchers import Matcher, MatchOp

TEXTS = st.text(alphabet="ab.\n$^ü\\1 ", max_size=6)
PATTERNS = st.one_of(
    st.sampled_from(
        [
            "",
            ".*",
            ".+",
            "a|b",
            "a.*|",
            "[^a]*",
            "(?i)A+",
            "(?s:.*)",
            "(?-s:.*)",
            "(?m)^a$",
            "(?-m:^a$)",
            "^a.b$",
            r"\Aa.*\z",
            r"\Qa.b",
            r"a\nb",
            r"\s*",
            r"\x0a*a",
            "(a)(b)?",
            r".*\bb",
            "a$|^b",
            "$",
            "(^|a)b",
        ]
    ),
    st.text(alphabet="ab.*+?()[]|^$\\n", max_size=6),
)


@given(st.lists(TEXTS, unique=True, max_size=8), PATTERNS, st.sampled_from(list(MatchOp)))
def test_values_are_matched_together_as_they_are_one_by_one(
    values: list[str], pattern: str, op: MatchOp
) -> None:
    matcher = Matcher("l", op, pattern)
    try:
        expected = [matcher.matches(value) for value in ["", *values]][1:]
    except InvalidRegexError:
        with pytest.raises(InvalidRegexError):
            LabelValues(values).satisfying(matcher)
        return

    found = LabelValues(values).satisfying(matcher)

    assert found.tolist() == expected


@pytest.mark.django_db(transaction=True)
def test_pairs_that_another_process_adds_are_seen_at_once() -> None:
    make("b")
    before = list(label_pairs("job").values.values)

    make("a", "c")

    assert before == ["b"]
    assert label_pairs("job").values.values == ["a", "b", "c"]


@pytest.mark.django_db(transaction=True)
def test_a_pair_with_a_smaller_id_that_is_committed_later_is_seen() -> None:
    make("a")
    LabelPair.objects.update(id=2_000_000)
    label_pairs("job")
    LabelPair.objects.create(id=1_000_000, name="job", value="late")

    found = label_pairs("job").values.values

    assert found == ["a", "late"]


@pytest.mark.django_db(transaction=True)
def test_pairs_of_a_transaction_that_was_rolled_back_are_not_remembered() -> None:
    make("a")
    with transaction.atomic():
        make("gone")
        inside = label_pairs("job").values.values
        transaction.set_rollback(True)
    make("new")

    after = label_pairs("job").values.values

    assert inside == ["a", "gone"]
    assert after == ["a", "new"]


def make(*jobs: str) -> None:
    catalogue.find_or_make([label_set({"__name__": "up", "job": job}) for job in jobs])
