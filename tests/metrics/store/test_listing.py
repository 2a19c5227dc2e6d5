"""Series, label names and label values, listed by selectors and periods."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from observability.metrics.period import EVER, Period
from observability.metrics.store import catalogue, listing
from observability.metrics.store.listing import (
    list_label_names,
    list_label_values,
    list_series,
)
from observability.promql.labels import label_set
from observability.promql.parser import parse_metric_selector
from tests.metrics.store.database import LATER_MS, MIDNIGHT_MS, append, compact

pytestmark = pytest.mark.django_db

THEN = Period(MIDNIGHT_MS, MIDNIGHT_MS + 60_000)
LATER = Period(MIDNIGHT_MS + 3_600_000, None)
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
    monkeypatch.setattr(listing, "MAX_SEARCHED_SERIES", 5)

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
    compact(LATER_MS)
    ask()

    with CaptureQueriesContext(connection) as queries:
        ask()

    assert len(queries) == statements
