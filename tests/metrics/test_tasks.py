"""Work of the store that runs by itself."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Task

from observability.metrics.backend import get_backend
from observability.metrics.models import SampleLog, Segment
from observability.metrics.samples import batch_at
from observability.metrics.tasks import (
    compact_sample_log,
    delete_expired_samples,
    merge_segments,
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


@pytest.mark.parametrize("task", [compact_sample_log, merge_segments, delete_expired_samples])
def test_long_work_goes_to_the_bulk_queue(task: Task[Any, Any]) -> None:
    route = task.app.amqp.router.route({}, task.name)

    assert route["queue"].name == "bulk"
