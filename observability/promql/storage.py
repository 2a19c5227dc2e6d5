"""What the engine needs from a store of samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from observability.promql.labels import LabelSet
from observability.promql.matchers import Matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectHints:
    """What the engine is going to do with the samples it asks for.

    Attributes:
        start_ms: Oldest timestamp that can matter, inclusive.
        end_ms: Newest timestamp that can matter, inclusive.
        step_ms: Distance of the evaluation steps; 0 for an instant query.
        range_ms: Length of the window of a range selector; 0 for an instant selector.
        function: The function or aggregation right around the selector, '' when none.
    """

    start_ms: int
    end_ms: int
    step_ms: int = 0
    range_ms: int = 0
    function: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesBlock:
    """Samples of a bounded number of series, one series after the other.

    The samples of series `i` are `timestamps_ms[offsets[i]:offsets[i + 1]]` and the
    same slice of `values`: strictly ascending in time, stale markers included.

    Attributes:
        label_sets: One label set a series, metric name included.
        offsets: int64, one more than there are series, from 0 to the number of samples.
        timestamps_ms: int64, milliseconds since the epoch.
        values: float64; NaN payloads are kept bit for bit.
    """

    label_sets: Sequence[LabelSet]
    offsets: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]


class Storage(Protocol):
    """A store that the engine can read; one object answers one query consistently."""

    def select(self, matchers: Sequence[Matcher], hints: SelectHints) -> Iterator[SeriesBlock]:
        """Yield every series that satisfies all matchers, each in exactly one block.

        The store decides how many series a block holds (64 to 1,024 is usual): it
        bounds the memory of a query. Series come in any order. A block may hold
        samples outside of the hints' window, and series with no sample at all.
        """
        ...


def split(block: SeriesBlock, series_count: int) -> Iterator[SeriesBlock]:
    """Yield the block in parts of at most `series_count` series."""
    if len(block.label_sets) <= series_count:
        yield block
        return
    for start in range(0, len(block.label_sets), series_count):
        label_sets = block.label_sets[start : start + series_count]
        offsets = block.offsets[start : start + len(label_sets) + 1]
        samples = slice(offsets[0], offsets[-1])
        yield SeriesBlock(
            label_sets=label_sets,
            offsets=offsets - offsets[0],
            timestamps_ms=block.timestamps_ms[samples],
            values=block.values[samples],
        )
