"""Label matchers answered by the index agree with what matchers mean."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from observability.metrics.store import catalogue
from observability.metrics.store.selection import find_series
from observability.promql.labels import LabelSet, label_set
from observability.promql.matchers import Matcher, MatchOp, matches_all

VALUES = ["", "a", "b", "ab", "c.d", "x\ny", "ü"]
PATTERNS = ["", "a", "a|b", ".*", ".+", "a.*", "c\\.d", "[^a]+", "x.y"]


def label_sets() -> st.SearchStrategy[LabelSet]:
    value = st.sampled_from(VALUES)
    return st.builds(
        lambda name, job, host: label_set({"__name__": name, "job": job, "host": host}),
        st.sampled_from(["up", "cpu", "cpu_total"]),
        value,
        value,
    )


def matchers() -> st.SearchStrategy[Matcher]:
    name = st.sampled_from(["__name__", "job", "host", "nowhere"])
    equal = st.builds(
        Matcher,
        name,
        st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]),
        st.sampled_from([*VALUES, "up"]),
    )
    regex = st.builds(
        Matcher,
        name,
        st.sampled_from([MatchOp.REGEX, MatchOp.NOT_REGEX]),
        st.sampled_from([*PATTERNS, "cpu.*"]),
    )
    return equal | regex


class SelectionTest(TestCase):
    """The index of label pairs against the plain meaning of matchers."""

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(label_sets(), min_size=1, max_size=8, unique=True),
        st.lists(matchers(), max_size=3),
    )
    def test_the_index_finds_what_matchers_mean(
        self, existing: list[LabelSet], asked: list[Matcher]
    ) -> None:
        catalogue.forget()
        catalogue.series_ids(existing)

        found = [series.labels for series in find_series(asked)]

        assert sorted(found) == sorted(labels for labels in existing if matches_all(asked, labels))


@pytest.mark.django_db
def test_series_come_by_id_and_in_pages() -> None:
    ids = catalogue.series_ids(
        [label_set({"__name__": "m", "n": str(n)}) for n in range(5)]
    ).tolist()
    everything = [Matcher("__name__", MatchOp.EQUAL, "m")]

    first = [series.id for series in find_series(everything, limit=2)]
    rest = [series.id for series in find_series(everything, after_id=first[-1])]

    assert first + rest == sorted(ids)


@pytest.mark.django_db
def test_a_value_in_a_matcher_is_only_ever_data() -> None:
    catalogue.series_ids([label_set({"__name__": "m", "job": "'; DROP TABLE metrics_series; --"})])

    found = find_series([Matcher("job", MatchOp.EQUAL, "'; DROP TABLE metrics_series; --")])

    assert len(found) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("matcher", "first_queries"),
    [
        pytest.param(Matcher("__name__", MatchOp.EQUAL, "up"), 3, id="metric"),
        pytest.param(Matcher("job", MatchOp.REGEX, "a|b"), 3, id="label"),
    ],
)
def test_what_was_found_before_is_only_checked_again(matcher: Matcher, first_queries: int) -> None:
    catalogue.series_ids([label_set({"__name__": "up", "job": job}) for job in "ab"])

    with CaptureQueriesContext(connection) as first:
        found = find_series([matcher])
    with CaptureQueriesContext(connection) as second:
        again = find_series([matcher])

    assert again == found
    assert len(found) == 2
    assert len(first) == first_queries
    assert len(second) < first_queries
