"""A storage in memory: for rule unit tests, and for whoever has samples at hand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from observability.promql.blocks import Floats, Ints
from observability.promql.labels import LabelSet, label_set
from observability.promql.matchers import Matcher, matches_all
from observability.promql.storage import SelectHints, SeriesBlock


class MemoryStorage:
    """Series held in memory, given out in blocks of a bounded number of series."""

    def __init__(self, *, series_per_block: int = 256) -> None:
        self._series: dict[LabelSet, tuple[Ints, Floats]] = {}
        self._series_per_block = series_per_block

    def add(self, labels: Mapping[str, str], samples: Iterable[tuple[int, float]]) -> None:
        """Add samples (time in ms, value) to a series, in any order; the last of a time wins."""
        key = label_set(labels)
        pairs = list(samples)
        times = np.array([time_ms for time_ms, _ in pairs], dtype=np.int64)
        values = np.array([value for _, value in pairs], dtype=np.float64)
        if key in self._series:
            old_times, old_values = self._series[key]
            times = np.concatenate([old_times, times])
            values = np.concatenate([old_values, values])
        # Reversed, because `unique` points at the first of equal times.
        times, newest = np.unique(times[::-1], return_index=True)
        self._series[key] = times, values[::-1][newest]

    def select(self, matchers: Sequence[Matcher], hints: SelectHints) -> Iterator[SeriesBlock]:
        """Yield the series that satisfy all matchers, with their samples inside the hints."""
        chosen = sorted(labels for labels in self._series if matches_all(matchers, labels))
        for start in range(0, len(chosen), self._series_per_block):
            yield self._block(chosen[start : start + self._series_per_block], hints)

    def _block(self, label_sets: list[LabelSet], hints: SelectHints) -> SeriesBlock:
        times, values = [], []
        for labels in label_sets:
            series_times, series_values = self._series[labels]
            first = np.searchsorted(series_times, hints.start_ms)
            last = np.searchsorted(series_times, hints.end_ms, side="right")
            times.append(series_times[first:last])
            values.append(series_values[first:last])
        lengths = np.array([len(part) for part in times], dtype=np.int64)
        return SeriesBlock(
            label_sets=label_sets,
            offsets=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)]),
            timestamps_ms=np.concatenate(times),
            values=np.concatenate(values),
        )
