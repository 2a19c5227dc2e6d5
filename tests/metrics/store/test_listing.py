"""Series, label names and label values, listed by selectors and periods."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from observability.metrics.models import LabelPair, Series
from observability.metrics.period import EVER, Period
from observability.metrics.store import all_labels, catalogue, listing, live_labels
from observability.metrics.store.listing import (
    list_label_names,
    list_label_values,
    list_series,
)
from observability.promql.labels import label_set
from observability.promql.parser import parse_metric_selector
from tests.metrics.store.database import MIDNIGHT_MS, append, compact

pytestmark = pytest.mark.django_db

THEN = Period(MIDNIGHT_MS, MIDNIGHT_MS + 60_000)
LATER = Period(MIDNIGHT_MS + 3_600_000, None)
NEVER = Period(MIDNIGHT_MS - 86_400_000 * 9, MIDNIGHT_MS - 86_400_000 * 8)
ALL_DAY = Period(MIDNIGHT_MS, MIDNIGHT_MS + 86_400_000)

# With the minute in which each has a sample.
SERIES = {
    label_set({"__name__": "requests", "job": "web", "path": "/"}): 0,
    label_set({"__name__": "requests", "job": "web", "path": "/new", "zone": "a"}): 90,
    label_set({"__name__": "requests", "job": "api"}): 0,
    label_set({"__name__": "up", "job": "web"}): 0,
    label_set({"__name__": "up", "job": "old", "rack": "r1"}): 0,
    label_set({"__name__": "errors", "job": "web"}): 90,
}


@pytest.fixture(autouse=True)
def _data(db: None) -> None:
    ids = catalogue.series_ids(list(SERIES))
    for series_id, minute in zip(ids.tolist(), SERIES.values(), strict=True):
        append([(series_id, MIDNIGHT_MS + minute * 60_000, 1.0)])


def selectors(*texts: str) -> listing.Selectors:
    return [parse_metric_selector(text).all_matchers for text in texts]


@pytest.mark.parametrize(
    ("texts", "period", "expected"),
    [
        ([], EVER, ["__name__", "job", "path", "rack", "zone"]),
        ([], THEN, ["__name__", "job", "path", "rack"]),
        ([], LATER, ["__name__", "job", "path", "zone"]),
        (["up"], EVER, ["__name__", "job", "rack"]),
        (["up"], LATER, []),
        (["requests"], LATER, ["__name__", "job", "path", "zone"]),
        (['{job="web"}'], EVER, ["__name__", "job", "path", "zone"]),
        (['{job="web"}'], THEN, ["__name__", "job", "path"]),
        (["up", '{__name__=~"err.*"}'], EVER, ["__name__", "job", "rack"]),
        (["nothing"], EVER, []),
        (['{job="nothing"}'], EVER, []),
    ],
)
def test_label_names(texts: list[str], period: Period, expected: list[str]) -> None:
    assert list_label_names(selectors(*texts), period) == expected


@pytest.mark.parametrize(
    ("name", "texts", "period", "expected"),
    [
        ("job", [], EVER, ["api", "old", "web"]),
        ("job", [], LATER, ["web"]),
        ("__name__", [], EVER, ["errors", "requests", "up"]),
        ("__name__", [], THEN, ["requests", "up"]),
        ("path", ["requests"], EVER, ["/", "/new"]),
        ("path", ["requests"], THEN, ["/"]),
        ("path", ['{job="web"}'], LATER, ["/new"]),
        ("path", ["up"], EVER, []),
        ("__name__", ["up", "requests"], EVER, ["requests", "up"]),
        ("__name__", ['{job="web"}'], THEN, ["requests", "up"]),
        ("__name__", ["up"], LATER, []),
        ("nothing", [], EVER, []),
        ("nothing", [], THEN, []),
    ],
)
def test_label_values(name: str, texts: list[str], period: Period, expected: list[str]) -> None:
    assert list_label_values(name, selectors(*texts), period) == expected


@pytest.mark.parametrize(
    ("texts", "period", "expected"),
    [
        (["up"], EVER, [4, 3]),
        (["requests"], LATER, [1]),
        (['{job="web"}'], THEN, [0, 3]),
        (["up", '{job="web"}', "up"], EVER, [5, 0, 1, 4, 3]),
        ([], EVER, [5, 2, 0, 1, 4, 3]),
    ],
)
def test_series_come_once_and_in_the_order_of_their_labels(
    texts: list[str], period: Period, expected: list[int]
) -> None:
    of_number = list(SERIES)

    found = list(list_series(selectors(*texts), period))

    assert found == [of_number[number] for number in expected]


def test_many_series_come_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SERIES_PER_PAGE", 2)

    found = list(list_series(selectors("up", '{job="web"}'), EVER))

    assert len(found) == 5
    assert {dict(labels)["__name__"] for labels in found} == {"up", "requests", "errors"}


def test_in_a_store_of_very_many_series_labels_of_no_selector_are_those_of_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(all_labels, "MAX_SEARCHED_SERIES", 5)
    monkeypatch.setattr(all_labels, "_MOST_LOOKED_UP", 0)

    assert list_label_values("job", [], LATER) == ["api", "old", "web"]
    assert list_label_names([], LATER) == ["__name__", "job", "path", "rack", "zone"]
    assert list_label_values("job", selectors('{job=~".+"}'), LATER) == ["web"]
    assert list_label_values("__name__", [], LATER) == ["errors", "requests"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("ask", "statements"),
    [
        (lambda: list_label_names([], EVER), 1),
        (lambda: list_label_names(selectors("up"), EVER), 1),
        (lambda: list_label_names(selectors("requests"), ALL_DAY), 2),
        (lambda: list_label_values("__name__", [], EVER), 1),
        (lambda: list_label_values("job", [], EVER), 1),
        (lambda: list_label_values("job", selectors("up"), EVER), 1),
        (lambda: list_label_values("job", selectors("up"), ALL_DAY), 2),
        (lambda: list(list_series(selectors("up"), EVER)), 1),
        (lambda: list(list_series(selectors("up"), ALL_DAY)), 2),
    ],
    ids=["names", "names-of-metric", "names-then", "metrics", "values", "values-of-metric", "values-then", "series", "series-then"],
)  # fmt: skip
def test_small_questions_cost_few_statements(ask: Callable[[], object], statements: int) -> None:
    compact()
    ask()

    with CaptureQueriesContext(connection) as queries:
        ask()

    assert len(queries) == statements


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("looked_up", [0, 1_000], ids=["searched", "looked-up"])
@pytest.mark.parametrize("sample", [1, 2, 300], ids=["one", "two", "many"])
def test_labels_of_a_period_are_the_same_however_many_series_prove_them(
    monkeypatch: pytest.MonkeyPatch, sample: int, looked_up: int
) -> None:
    compact()
    monkeypatch.setattr(live_labels, "_SEGMENTS", sample)
    monkeypatch.setattr(live_labels, "_SERIES_PER_SEGMENT", sample)
    monkeypatch.setattr(all_labels, "_MOST_LOOKED_UP", looked_up)

    for _ in range(2):
        assert list_label_names([], THEN) == ["__name__", "job", "path", "rack"]
        assert list_label_names([], LATER) == ["__name__", "job", "path", "zone"]
        assert list_label_values("job", [], THEN) == ["api", "old", "web"]
        assert list_label_values("job", [], LATER) == ["web"]
        assert list_label_values("path", [], LATER) == ["/new"]
        assert list_label_values("rack", [], LATER) == []
        assert list_label_names([], NEVER) == []


@pytest.mark.django_db(transaction=True)
def test_what_was_proven_once_is_not_looked_for_again() -> None:
    compact()
    list_label_values("job", [], ALL_DAY)

    with CaptureQueriesContext(connection) as queries:
        values = list_label_values("job", [], Period(MIDNIGHT_MS - 1, None))
        names = list_label_names([], ALL_DAY)

    assert (values, names) == (["api", "old", "web"], ["__name__", "job", "path", "rack", "zone"])
    assert len(queries) == 2


@pytest.mark.django_db(transaction=True)
def test_series_without_labels_have_a_name_where_they_have_samples() -> None:
    Series.objects.all().delete()
    LabelPair.objects.all().delete()
    catalogue.forget()
    [bare] = catalogue.series_ids([label_set({"__name__": "bare"})]).tolist()
    append([(bare, MIDNIGHT_MS, 1.0)])

    assert list_label_names([], THEN) == ["__name__"]
    assert list_label_names([], NEVER) == []
