from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.scraping.sample_labels import Scope, make_scope
from observability.metrics.scraping.tracked_series import TrackedSeries, difference, metric_names
from observability.promql.labels import label_set

SCOPE = make_scope({"job": "app"}, honor_labels=False, rules=[])
OTHER = make_scope({"job": "app", "env": "test"}, honor_labels=False, rules=[])

keys = st.lists(st.sampled_from([f'a{{x="{n}"}}'.encode() for n in range(8)]), unique=True)


def tracked(names: list[bytes], scope: Scope = SCOPE) -> TrackedSeries:
    return TrackedSeries(scope=scope, keys=names)


@given(keys)
def test_series_are_kept_as_they_were(names: list[bytes]) -> None:
    kept = TrackedSeries.decode(tracked(names).encode())

    assert kept == (tracked(names) if names else None)


@given(keys, keys)
def test_what_ended_and_what_was_added_make_one_scrape_the_other(
    before: list[bytes], now: list[bytes]
) -> None:
    news = difference(tracked(before) if before else None, tracked(now))

    ended = {label_set(SCOPE.labels(key) or {}) for key in set(before) - set(now)}
    assert set(news.ended) == ended
    assert news.added == len(set(now) - set(before))


@given(keys, keys)
def test_equal_hashes_stand_for_equal_series(first: list[bytes], second: list[bytes]) -> None:
    is_same = tracked(first).digest == tracked(second).digest

    assert is_same == (first == second)


def test_all_series_end_when_the_labels_of_the_target_change() -> None:
    news = difference(tracked([b"a", b"b"]), tracked([b"a", b"b"], OTHER))

    assert list(news.ended) == [label_set({"__name__": name, "job": "app"}) for name in ("a", "b")]


def test_names_of_metrics_are_those_after_relabeling() -> None:
    names = [b'a{x="1"}', b'a{x="2"}', b"b", b'{"c.d",x="1"}']
    rule = {"source_labels": ["__name__"], "regex": "b", "target_label": "__name__", "replacement": "z"}  # fmt: skip
    renaming = make_scope({"job": "app"}, honor_labels=False, rules=[rule])

    assert metric_names(tracked(names[:3]).encode()) == {"a", "b"}
    assert metric_names(tracked(names).encode()) == {"a", "b", "c.d"}
    assert metric_names(tracked(names[:3], renaming).encode()) == {"a", "z"}
    assert metric_names(b"") == set()
