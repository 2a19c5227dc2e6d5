from __future__ import annotations

import pytest

from observability.metrics.backend import get_backend
from observability.metrics.collectors.backlog import Backlog
from observability.metrics.samples import SampleBatch, batch_at
from observability.promql.labels import label_set
from observability.promql.values import InstantVector

# Closing stale connections, as `flush` does, would end the transaction around a test.
pytestmark = pytest.mark.django_db(transaction=True)

NOW_MS = 1_700_000_000_000


def batch(value: float, *, at_ms: int = NOW_MS) -> SampleBatch:
    return batch_at(at_ms, [(label_set({"__name__": "load", "instance": "a"}), value)])


def stored(at_ms: int = NOW_MS) -> list[float]:
    result = get_backend().query("load", at_ms=at_ms).value
    assert isinstance(result, InstantVector)
    return list(result.values)


def test_what_waits_is_stored_in_one_go() -> None:
    backlog = Backlog()
    backlog.add(batch(1))
    backlog.add(batch(2, at_ms=NOW_MS + 1000))

    is_stored = backlog.flush()

    assert is_stored
    assert len(backlog) == 0
    assert (stored(), stored(NOW_MS + 1000)) == ([1.0], [2.0])


def test_oldest_batch_is_given_up_when_there_is_no_room() -> None:
    backlog = Backlog(max_batches=1)
    backlog.add(batch(1))
    backlog.add(batch(2, at_ms=NOW_MS + 1000))

    backlog.flush()

    assert (stored(), stored(NOW_MS + 1000)) == ([], [2.0])


def test_batch_that_was_stored_already_counts_once() -> None:
    backlog = Backlog()
    for _ in range(2):
        backlog.add(batch(1))

    backlog.flush()

    assert stored() == [1.0]
