"""Work of the store that runs by itself."""

from __future__ import annotations

import time

import pytest

from observability.metrics.backend import get_backend
from observability.metrics.models import SampleLog
from observability.metrics.samples import batch_at
from observability.metrics.tasks import delete_expired_samples
from observability.promql.labels import label_set


@pytest.mark.django_db
def test_samples_older_than_the_retention_are_deleted() -> None:
    now_ms = int(time.time() * 1000)
    for days_ago in (31, 29):
        sample = (label_set({"__name__": "m"}), float(days_ago))
        get_backend().append(batch_at(now_ms - days_ago * 86_400_000, [sample]))

    delete_expired_samples.run()

    assert SampleLog.objects.count() == 1
