"""Exemplars go when their series, their samples or their time have gone."""

from __future__ import annotations

import pytest

from observability.metrics.exemplars import Exemplar
from observability.metrics.models import RetentionPolicy
from observability.metrics.store import deletion, retention
from observability.metrics.store.exemplars import removal, writing
from observability.metrics.store.exemplars.models import StoredExemplar
from tests.metrics.store.database import DAY_MS, LATER_MS, MIDNIGHT_MS, compact, make_series

pytestmark = pytest.mark.django_db(transaction=True)


def tell(*series_ids: int) -> None:
    """Write an exemplar a day of each series, for three days."""
    told = [Exemplar(labels={}, value=1.0, timestamp_ms=MIDNIGHT_MS + n * DAY_MS) for n in range(3)]
    writing.write(dict.fromkeys(series_ids, told))


def days_of(series_id: int) -> list[int]:
    rows = StoredExemplar.objects.filter(series_id=series_id).order_by("timestamp_ms")
    return [(at - MIDNIGHT_MS) // DAY_MS for at in rows.values_list("timestamp_ms", flat=True)]


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "left"),
    [(None, None, []), (MIDNIGHT_MS + 1, None, [0]), (MIDNIGHT_MS + 1, MIDNIGHT_MS + DAY_MS, [0, 2])],
    ids=["series", "since", "between"],
)  # fmt: skip
def test_what_is_deleted_takes_its_exemplars_along(
    start_ms: int | None, end_ms: int | None, left: list[int]
) -> None:
    [gone], [other] = make_series(1, "gone"), make_series(1, "other")
    tell(gone, other)

    deletion.request(["gone"], start_ms=start_ms, end_ms=end_ms, requested_by="somebody")
    compact()
    while deletion.run_due(now_ms=LATER_MS, seconds=60):
        pass

    assert (days_of(gone), days_of(other)) == (left, [0, 1, 2])


def test_a_series_that_is_gone_gets_none() -> None:
    [gone] = make_series(1)
    deletion.request(["m"], requested_by="somebody")
    while deletion.run_due(now_ms=LATER_MS, seconds=60):
        pass

    tell(gone)

    assert not StoredExemplar.objects.exists()


def test_exemplars_are_kept_as_long_as_samples_of_their_metric() -> None:
    [short], [usual] = make_series(1, "short"), make_series(1, "usual")
    tell(short, usual)
    StoredExemplar.objects.create(series_id=10**9, timestamp_ms=MIDNIGHT_MS, value=1.0)
    RetentionPolicy.objects.create(position=1, pattern="short", raw_days=1)
    retention.forget()

    removal.delete_expired(MIDNIGHT_MS + 2 * DAY_MS)

    assert (days_of(short), days_of(usual)) == ([1, 2], [0, 1, 2])
    assert not days_of(10**9)
