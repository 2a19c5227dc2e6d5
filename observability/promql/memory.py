"""A storage in memory: for rule unit tests, and for whoever has samples at hand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from observability.promql.blocks import Floats, Ints, offsets_of
from observability.promql.labels import METRIC_NAME, LabelSet, label_set, label_value
from observability.promql.matchers import Matcher, MatchOp, matches_all
from observability.promql.storage import SelectHints, SeriesBlock

_FIRST_CAPACITY = 16


class MemoryStorage:
    """Series held in memory, given out in blocks of a bounded number of series."""

    def __init__(self, *, series_per_block: int = 256) -> None:
        self._series: dict[LabelSet, _Samples] = {}
        self._by_metric: dict[str, list[LabelSet]] = {}
        # What the matchers of a selector have found, for as long as no series is new.
        self._chosen: dict[tuple[Matcher, ...], list[LabelSet]] = {}
        self._series_per_block = series_per_block

    def add(self, labels: Mapping[str, str], samples: Iterable[tuple[int, float]]) -> None:
        """Add samples (time in ms, value) to a series, in any order; the last of a time wins."""
        pairs = list(samples)
        self.extend(
            label_set(labels),
            np.array([time_ms for time_ms, _ in pairs], dtype=np.int64),
            np.array([value for _, value in pairs], dtype=np.float64),
        )

    def extend(self, labels: LabelSet, timestamps_ms: Ints, values: Floats) -> None:
        """Add the same as arrays."""
        self._samples(labels).merge(timestamps_ms, values)

    def append(self, labels: LabelSet, timestamp_ms: int, value: float) -> None:
        """Add one sample to a series, which is quick where it is the newest one."""
        self._samples(labels).append(timestamp_ms, value)

    def newest(self, labels: LabelSet, *, until_ms: int) -> tuple[int, float] | None:
        """Return the newest sample of a series that is not after a time, None when it has none."""
        samples = self._series.get(labels)
        return None if samples is None else samples.newest(until_ms)

    def select(self, matchers: Sequence[Matcher], hints: SelectHints) -> Iterator[SeriesBlock]:
        """Yield the series that satisfy all matchers, with their samples inside the hints."""
        chosen = self._choose(tuple(matchers))
        for start in range(0, len(chosen), self._series_per_block):
            yield self._block(chosen[start : start + self._series_per_block], hints)

    def _samples(self, labels: LabelSet) -> "_Samples":
        samples = self._series.get(labels)
        if samples is None:
            samples = self._series[labels] = _Samples()
            self._by_metric.setdefault(label_value(labels, METRIC_NAME), []).append(labels)
            self._chosen.clear()
        return samples

    def _choose(self, matchers: tuple[Matcher, ...]) -> list[LabelSet]:
        chosen = self._chosen.get(matchers)
        if chosen is None:
            candidates = self._candidates(matchers)
            chosen = sorted(labels for labels in candidates if matches_all(matchers, labels))
            self._chosen[matchers] = chosen
        return chosen

    def _candidates(self, matchers: tuple[Matcher, ...]) -> Iterable[LabelSet]:
        for matcher in matchers:
            if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL:
                return self._by_metric.get(matcher.value, ())
        return self._series

    def _block(self, label_sets: list[LabelSet], hints: SelectHints) -> SeriesBlock:
        times, values = [], []
        for labels in label_sets:
            some_times, some_values = self._series[labels].between(hints.start_ms, hints.end_ms)
            times.append(some_times)
            values.append(some_values)
        lengths = np.array([len(part) for part in times], dtype=np.int64)
        return SeriesBlock(
            label_sets=label_sets,
            offsets=offsets_of(lengths),
            timestamps_ms=np.concatenate(times),
            values=np.concatenate(values),
        )


class _Samples:
    """The samples of one series, ascending in time, in arrays with room for more."""

    def __init__(self) -> None:
        self._times: Ints = np.empty(_FIRST_CAPACITY, dtype=np.int64)
        self._values: Floats = np.empty(_FIRST_CAPACITY, dtype=np.float64)
        self._count = 0

    def append(self, time_ms: int, value: float) -> None:
        count = self._count
        if count and time_ms <= self._times[count - 1]:
            self.merge(np.array([time_ms], dtype=np.int64), np.array([value]))
            return
        if count == len(self._times):
            self._times = np.concatenate([self._times, np.empty_like(self._times)])
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._times[count] = time_ms
        self._values[count] = value
        self._count = count + 1

    def merge(self, times: Ints, values: Floats) -> None:
        times = np.concatenate([self._times[: self._count], times])
        values = np.concatenate([self._values[: self._count], values])
        # Reversed, because `unique` points at the first of equal times.
        self._times, newest = np.unique(times[::-1], return_index=True)
        self._values = values[::-1][newest]
        self._count = len(self._times)

    def between(self, start_ms: int, end_ms: int) -> tuple[Ints, Floats]:
        times = self._times[: self._count]
        first = int(times.searchsorted(start_ms))
        last = int(times.searchsorted(end_ms, side="right"))
        return times[first:last], self._values[first:last]

    def newest(self, until_ms: int) -> tuple[int, float] | None:
        end = int(self._times[: self._count].searchsorted(until_ms, side="right"))
        if end == 0:
            return None
        return int(self._times[end - 1]), float(self._values[end - 1])
