from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from observability.metrics.collectors.collection import Collection
from observability.metrics.collectors.families import Family, gauge, labelled
from observability.metrics.collectors.registry import Collector
from observability.metrics.samples import MetricType, SampleBatch
from observability.promql.labels import LabelSet
from observability.promql.staleness import STALE_NAN_BITS


def collection(*runs: Sequence[Family] | Exception) -> Collection:
    """Return a collection that yields these, one a run."""
    remaining = iter(runs)

    def collect() -> Sequence[Family]:
        outcome = next(remaining)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Collection(Collector(job="node", interval_seconds=15, collect=collect), instance="web-1")


def series(batch: SampleBatch) -> dict[LabelSet, np.float64]:
    return {batch.label_sets[at]: batch.values[i] for i, at in enumerate(batch.series)}


TARGET = (("instance", "web-1"), ("job", "node"))


def test_samples_carry_the_labels_of_the_target() -> None:
    batch = collection([gauge("node_load1", "Load.", 0.5)]).run(1000)

    assert series(batch)[("__name__", "node_load1"), *TARGET] == 0.5
    assert set(batch.timestamps_ms) == {1000}
    assert batch.metadata["node_load1"].type is MetricType.GAUGE


def test_labels_that_clash_with_the_target_are_renamed() -> None:
    family = labelled("jobs", MetricType.GAUGE, "Jobs.", [({"job": "a"}, 1.0)])

    batch = collection([family]).run(1000)

    assert (("__name__", "jobs"), ("exported_job", "a"), *TARGET) in series(batch)


def test_up_says_that_the_collection_succeeded() -> None:
    batch = collection([]).run(1000)

    assert series(batch)[("__name__", "up"), *TARGET] == 1


def test_collector_that_raises_is_down_and_its_series_end() -> None:
    runs = collection([gauge("node_load1", "Load.", 0.5)], OSError("no /proc"))
    runs.run(1000)

    after = series(runs.run(2000))

    assert after[("__name__", "up"), *TARGET] == 0
    assert after[("__name__", "node_load1"), *TARGET].view(np.int64) == STALE_NAN_BITS


def test_series_that_is_gone_ends_once() -> None:
    runs = collection([gauge("node_load1", "Load.", 0.5)], [], [])
    runs.run(1000)

    second, third = series(runs.run(2000)), series(runs.run(3000))

    assert (("__name__", "node_load1"), *TARGET) in second
    assert (("__name__", "node_load1"), *TARGET) not in third
