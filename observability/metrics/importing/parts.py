"""The samples of a part of a file, with what was wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from observability.metrics.ingest.acceptance import TimeBounds
from observability.metrics.ingest.series_labels import UnacceptableSeriesError, checked_labels
from observability.metrics.samples import Metadata, SampleBatch
from observability.promql.labels import LabelSet

# About 100 MB of labels; a file with more series than this has them judged again.
_MAX_REMEMBERED = 200_000

Key = TypeVar("Key", bound=Hashable)


class Fault(NamedTuple):
    """What is wrong with a line."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Part:
    """What can be stored of a part of a file, and which of its lines cannot, in their order."""

    batch: SampleBatch
    faults: list[Fault]


@dataclass(slots=True, kw_only=True)
class Rows(Generic[Key]):
    """Samples as a format has them.

    Attributes:
        keys: For each sample what tells its series from others.
        lines: int64, for each sample its line.
        timestamps_ms: int64, for each sample.
        values: float64, for each sample.
        faults: Lines that were left out already.
        metadata: What was said about metrics.
    """

    keys: Sequence[Key]
    lines: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    faults: list[Fault] = field(default_factory=list)
    metadata: Mapping[str, Metadata] = field(default_factory=dict)


class Judge(Generic[Key]):
    """Turns rows into label sets and samples, by the store's rules.

    Args:
        decode: Returns the labels of a key; may raise `UnacceptableSeriesError`.
        added_labels: Labels that every series gets; they win over the file's.
        bounds: The times that are right.
    """

    def __init__(
        self,
        decode: Callable[[Key], Mapping[str, str]],
        *,
        added_labels: Mapping[str, str],
        bounds: TimeBounds,
    ) -> None:
        self._decode = decode
        self._added_labels = added_labels
        self._bounds = bounds
        self._remembered: dict[Key, LabelSet | str] = {}

    def part(self, rows: Rows[Key]) -> Part:
        """Return what of these rows is right, and the faults of the others."""
        places: dict[LabelSet, int] = {}
        by_key: dict[Key, int] = {}
        faults = list(rows.faults)
        refused: dict[Key, str] = {}
        for key in dict.fromkeys(rows.keys):
            labels = self._labels(key)
            if isinstance(labels, str):
                refused[key] = labels
                by_key[key] = -1
            else:
                by_key[key] = places.setdefault(labels, len(places))
        series = np.fromiter(map(by_key.__getitem__, rows.keys), np.int64, len(rows.keys))
        is_right = series >= 0
        faults += [
            Fault(int(rows.lines[place]), refused[rows.keys[place]])
            for place in np.flatnonzero(~is_right).tolist()
        ]
        times = rows.timestamps_ms
        is_in_time = (times >= self._bounds.oldest_ms) & (times <= self._bounds.newest_ms)
        faults += [
            Fault(int(rows.lines[place]), self._bounds.fault(int(times[place])))
            for place in np.flatnonzero(is_right & ~is_in_time).tolist()
        ]
        is_right &= is_in_time
        return Part(
            SampleBatch(
                label_sets=list(places),
                series=series[is_right],
                timestamps_ms=times[is_right],
                values=rows.values[is_right],
                metadata=rows.metadata,
            ),
            sorted(faults),
        )

    def _labels(self, key: Key) -> LabelSet | str:
        """Return the label set of a key, or what is wrong with it."""
        found = self._remembered.get(key)
        if found is None:
            try:
                found = checked_labels(self._decode(key), self._added_labels)
            except UnacceptableSeriesError as error:
                found = str(error)
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = found
        return found
