"""Samples that rules of a group have just given and that nobody has stored yet.

A rule reads what the rules before it in its group have written at the same evaluation, as in
Prometheus; the store gets it with all the rest when the group is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alerts.rules.rule_evaluation import Vector
from observability.promql.labels import METRIC_NAME, label_value
from observability.promql.matchers import Matcher
from observability.promql.memory import MemoryStorage
from observability.promql.storage import RollupBlock, SelectHints, SeriesBlock, Storage


class WithFreshSamples:
    """A storage with some newer samples over it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._fresh = MemoryStorage()
        self._names: set[str] = set()

    def add(self, samples: Vector, timestamp_ms: int) -> None:
        """Take in what a rule has just written."""
        for labels, value in samples:
            self._fresh.append(labels, timestamp_ms, value)
            self._names.add(label_value(labels, METRIC_NAME))

    def select(
        self, matchers: Sequence[Matcher], hints: SelectHints
    ) -> Iterator[SeriesBlock | RollupBlock]:
        """Yield the series that satisfy all matchers, those with fresh samples made whole."""
        on_name = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
        if not any(all(one.matches(name) for one in on_name) for name in self._names):
            yield from self._storage.select(matchers, hints)
            return
        whole = MemoryStorage()
        # Rollups are of the past; their last bucket could not take in a sample.
        samples_alone = SelectHints(
            start_ms=hints.start_ms,
            end_ms=hints.end_ms,
            step_ms=hints.step_ms,
            range_ms=hints.range_ms,
            function=hints.function,
        )
        for storage in (self._storage, self._fresh):
            for block in storage.select(matchers, samples_alone):
                if isinstance(block, RollupBlock):
                    raise TypeError("the storage gave rollups where samples are needed")
                for place, labels in enumerate(block.label_sets):
                    part = slice(block.offsets[place], block.offsets[place + 1])
                    whole.extend(labels, block.timestamps_ms[part], block.values[part])
        yield from whole.select(matchers, hints)
