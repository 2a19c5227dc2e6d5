"""Work of the store that runs by itself."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Task

from observability.metrics import tasks
from observability.metrics.backend import get_backend
from observability.metrics.models import Deletion, LabelPair, SampleLog, Segment, Series
from observability.metrics.samples import batch_at
from observability.metrics.store import catalogue, deletion
from observability.metrics.tasks import (
    collect_idle_series,
    compact_sample_log,
    delete_expired_samples,
    delete_unused,
    merge_segments,
    run_deletions,
)
from observability.promql.labels import label_set
from tests.metrics.store.database import wait_until_settled


@pytest.mark.django_db
def test_samples_older_than_the_retention_are_deleted() -> None:
    now_ms = int(time.time() * 1000)
    for days_ago in (31, 29):
        sample = (label_set({"__name__": "m"}), float(days_ago))
        get_backend().append(batch_at(now_ms - days_ago * 86_400_000, [sample]))

    delete_expired_samples.run()

    assert SampleLog.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_samples_of_days_ago_are_compacted_and_merged() -> None:
    days_ago_ms = int(time.time() * 1000) - 3 * 86_400_000
    get_backend().append(batch_at(days_ago_ms, [(label_set({"__name__": "m"}), 1.0)]))
    wait_until_settled()

    compact_sample_log.run()
    merge_segments.run()

    assert SampleLog.objects.count() == 0
    assert Segment.objects.get().level == 3


@pytest.mark.django_db(transaction=True)
def test_merges_that_take_longer_than_a_turn_go_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "_SECONDS_PER_TURN", 0)
    days_ago_ms = int(time.time() * 1000) - 3 * 86_400_000
    samples = [(label_set({"__name__": name}), 1.0) for name in ("m", "n")]
    get_backend().append(batch_at(days_ago_ms, samples))
    wait_until_settled()
    compact_sample_log.run()
    queued: list[Task[Any, Any]] = []
    monkeypatch.setattr(merge_segments, "delay", lambda: queued.append(merge_segments))

    merge_segments.run()
    merge_segments.run()

    assert queued == [merge_segments]
    assert [segment.level for segment in Segment.objects.all()] == [3, 3]


@pytest.mark.django_db(transaction=True)
def test_what_people_want_deleted_is_deleted() -> None:
    labels = label_set({"__name__": "m"})
    get_backend().append(batch_at(int(time.time() * 1000), [(labels, 1.0)]))
    wish = deletion.request(["m"], requested_by="somebody")

    run_deletions.run()

    assert Deletion.objects.get(pk=wish.pk).state == "done"
    assert list(get_backend().series()) == []


@pytest.mark.django_db(transaction=True)
def test_series_without_samples_are_collected_with_their_labels() -> None:
    catalogue.series_ids([label_set({"__name__": "m", "n": str(n)}) for n in range(3)])
    Series.objects.update(created_at="2020-01-01T00:00Z")

    collect_idle_series.run()
    delete_unused.run()

    assert not Series.objects.exists()
    assert not LabelPair.objects.exists()


@pytest.mark.parametrize(
    "task",
    [
        compact_sample_log,
        merge_segments,
        delete_expired_samples,
        run_deletions,
        collect_idle_series,
        delete_unused,
    ],
)
def test_long_work_goes_to_the_bulk_queue(task: Task[Any, Any]) -> None:
    route = task.app.amqp.router.route({}, task.name)

    assert route["queue"].name == "bulk"
