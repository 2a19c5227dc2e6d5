"""The table of a metric's series holds what the database holds, whatever was kept before."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TransactionTestCase

from observability.metrics.models import Metric, Series
from observability.metrics.store import catalogue, series_table
from observability.metrics.store.kept import Kept
from observability.metrics.store.series_table import SeriesTable, find_table
from observability.promql.labels import LabelSet, label_set

pytestmark = pytest.mark.django_db(transaction=True)

LABELS = st.dictionaries(st.sampled_from(["job", "host", "zone"]), st.sampled_from("abcd"))


def make(*labels: dict[str, str]) -> None:
    catalogue.find_or_make([label_set({"__name__": "m", **pairs}) for pairs in labels])


def held(table: SeriesTable | None) -> list[LabelSet]:
    assert table is not None
    return sorted(table.labels(place) for place in range(len(table.ids)))


class GrowingTableTest(TransactionTestCase):
    """A table that is brought up to date against the catalogue."""

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.lists(LABELS, max_size=4), min_size=1, max_size=4))
    def test_a_table_that_grew_is_as_one_that_is_read_anew(
        self, additions: list[list[dict[str, str]]]
    ) -> None:
        made: set[LabelSet] = set()
        for added in [[{"job": "first"}], *additions]:
            make(*added)
            made |= {label_set({"__name__": "m", **labels}) for labels in added}

            table = find_table("m")

            assert held(table) == sorted(made)
        Series.objects.all().delete()
        Metric.objects.all().delete()


def test_a_table_that_still_holds_costs_one_query() -> None:
    make({"job": "a"}, {"job": "b"})
    first = find_table("m")

    with CaptureQueriesContext(connection) as queries:
        second = find_table("m")

    assert second is first
    assert len(queries) == 1


def test_a_series_with_a_smaller_id_that_is_committed_later_is_found() -> None:
    make({"job": "a"}, {"job": "b"})
    Series.objects.update(id=F("id") + 1_000_000)
    find_table("m")
    make({"job": "c"})

    table = find_table("m")

    assert [dict(labels)["job"] for labels in held(table)] == ["a", "b", "c"]


def test_series_that_were_deleted_leave_the_table() -> None:
    make({"job": "a"}, {"job": "b"})
    find_table("m")
    with transaction.atomic():
        Series.objects.filter(labels__job="a").delete()
        Metric.objects.update(series_count=1)
        catalogue.advance_epoch()
    make({"job": "c"})

    table = find_table("m")

    assert [dict(labels)["job"] for labels in held(table)] == ["b", "c"]


def test_series_of_a_transaction_that_was_rolled_back_are_not_remembered() -> None:
    make({"job": "a"})
    with transaction.atomic():
        make({"job": "gone"})
        inside = held(find_table("m"))
        transaction.set_rollback(True)
    make({"job": "new"})

    after = held(find_table("m"))

    assert [dict(labels)["job"] for labels in inside] == ["a", "gone"]
    assert [dict(labels)["job"] for labels in after] == ["a", "new"]


def test_tables_that_are_too_large_together_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_table, "_kept", Kept(10, lambda table: table.kept_bytes))
    make({"job": "a"})
    find_table("m")

    with CaptureQueriesContext(connection) as queries:
        table = find_table("m")

    assert len(held(table)) == 1
    assert len(queries) == 2


def test_a_metric_without_labels_and_one_that_is_not_there() -> None:
    make({})

    tables = find_table("m"), find_table("nowhere")

    assert held(tables[0]) == [(("__name__", "m"),)]
    assert tables[1] is None
