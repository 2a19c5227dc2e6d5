"""The samples of a test: those of its input that have come by now, and what rules have written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from alerts.rules.unit_tests.errors import AppendError
from observability.promql import MemoryStorage, SelectHints, SeriesBlock
from observability.promql.blocks import Floats, Ints
from observability.promql.go_floats import shortest
from observability.promql.labels import LabelSet
from observability.promql.matchers import Matcher


class TestStorage:
    """Samples in memory, of which none is seen before its time.

    Attributes:
        until_ms: The present time: later samples are not there yet.
    """

    __test__ = False

    def __init__(self) -> None:
        self._samples = MemoryStorage()
        self.until_ms = 0

    def load(self, labels: LabelSet, timestamps_ms: Ints, values: Floats) -> None:
        """Add the samples of an input series."""
        self._samples.extend(labels, timestamps_ms, values)

    def append(self, labels: LabelSet, timestamp_ms: int, value: float) -> None:
        """Write a sample as Prometheus's head block takes it.

        Raises:
            AppendError: The series has another value at that time, or a later sample.
        """
        newest = self._samples.newest(labels, until_ms=self.until_ms)
        if newest is not None and timestamp_ms <= newest[0]:
            if timestamp_ms < newest[0]:
                raise AppendError("out of order sample")
            if not _is_same(newest[1], value):
                raise AppendError(
                    f"duplicate sample for timestamp {timestamp_ms}; overrides not allowed: "
                    f"existing {shortest(newest[1])}, new value {shortest(value)}"
                )
            return
        self._samples.append(labels, timestamp_ms, value)

    def select(self, matchers: Sequence[Matcher], hints: SelectHints) -> Iterator[SeriesBlock]:
        """Yield what satisfies all matchers, without what is still to come."""
        if hints.end_ms > self.until_ms:
            hints = replace(hints, end_ms=self.until_ms)
        return self._samples.select(matchers, hints)


def _is_same(first: float, second: float) -> bool:
    """Compare bit by bit: NaNs differ, and so does the stale marker from them."""
    bits = np.array([first, second]).view(np.int64)
    return bool(bits[0] == bits[1])
