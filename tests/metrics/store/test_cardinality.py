"""Where series come from: metrics, labels, pairs, multipliers and what is new."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from observability.metrics.models import Series
from observability.metrics.store import cardinality, catalogue
from observability.metrics.store.cardinality import Churn, Count, measure_cardinality
from observability.promql.labels import label_set

pytestmark = pytest.mark.django_db


def make(name: str, *labels: dict[str, str]) -> None:
    catalogue.find_or_make([label_set({"__name__": name, **pairs}) for pairs in labels])


def test_metrics_labels_and_pairs_are_counted_largest_first() -> None:
    make("big", *({"job": "api", "host": f"h{number}"} for number in range(5)))
    make("small", {"job": "api"}, {"job": "café"})

    found = measure_cardinality(top=2)

    assert found.series_by_metric == [Count("big", 5), Count("small", 2)]
    assert found.values_by_label == [Count("host", 5), Count("job", 2)]
    assert found.bytes_by_label == [Count("host", 5 * (4 + 2)), Count("job", 3 + 3 + 3 + 5)]
    assert found.series_by_pair == [Count("job=api", 6), Count("host=h0", 1)]
    assert found.label_pairs == 7


def test_the_label_that_multiplies_series_most_is_named() -> None:
    make(
        "requests",
        *(
            {"path": f"/users/{user}", "code": code, "job": "api"}
            for user in range(30)
            for code in ("200", "500")
        ),
    )
    make("tiny", {"host": "a"}, {"host": "b"})

    (found,) = measure_cardinality(top=10).multipliers

    assert (found.metric, found.label, found.values) == ("requests", "path", 30)
    assert (found.series, found.series_without, found.factor) == (60, 2, 30.0)


def test_labels_that_say_the_same_multiply_nothing() -> None:
    make("pods", *({"pod": f"p{n}", "uid": f"u{n}"} for n in range(20)))

    assert measure_cardinality(top=10).multipliers == []


def test_new_series_are_counted_by_metric() -> None:
    make("steady", *({"n": str(n)} for n in range(3)))
    make("churning", *({"n": str(n)} for n in range(4)))
    Series.objects.filter(metric__name="steady").update(created_at=Now() - timedelta(days=2))
    Series.objects.filter(labels__n="0").update(created_at=Now() - timedelta(hours=2))

    found = measure_cardinality(top=10).churn

    assert found == [
        Churn(metric="churning", last_hour=3, last_day=4),
        Churn(metric="steady", last_hour=0, last_day=1),
    ]


def test_an_empty_store_has_nothing_to_count() -> None:
    found = measure_cardinality(top=10)

    assert found.label_pairs == 0
    assert not any([found.series_by_metric, found.series_by_pair, found.multipliers, found.churn])


@pytest.mark.django_db(transaction=True)
def test_of_very_many_series_a_part_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cardinality, "_MAX_COUNTED_SERIES", 2_000)
    make("big", *({"job": "api", "n": str(number)} for number in range(4_000)))

    found = cardinality.series_by_pair(1)

    assert [count.name for count in found] == ["job=api"]
    assert 1_000 < found[0].value < 8_000
