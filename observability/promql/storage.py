"""What the engine needs from a store of samples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from observability.promql.labels import LabelSet
from observability.promql.matchers import Matcher


class RollupColumn(StrEnum):
    """What a bucket of a rollup says of its samples, besides their number.

    `MIN` and `MAX` are NaN only where there is nothing else. `FIRST` and `LAST` are the values
    of the oldest and the newest sample, `FIRST_MS` and `LAST_MS` their times; the last
    value of a stale marker is the marker. `LOST` is the sum of the values that were each
    followed by a smaller one, `RESETS` says how many these are, and `CHANGES` how many were
    followed by another one. `STALE` counts the stale markers among the samples, which only the
    store asks for. Numbers and times are int64, all else is float64.
    """

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    FIRST_MS = "first_ms"
    LAST_MS = "last_ms"
    LOST = "lost"
    RESETS = "resets"
    CHANGES = "changes"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectHints:
    """What the engine is going to do with the samples it asks for.

    Attributes:
        start_ms: Oldest timestamp that can matter, inclusive.
        end_ms: Newest timestamp that can matter, inclusive.
        step_ms: Distance of the evaluation steps; 0 for an instant query.
        range_ms: Length of the window of a range selector; 0 for an instant selector.
        function: The function or aggregation right around the selector, '' when none.
        rollup_columns: What the engine needs of rollups to do without samples; None when it
            cannot do without.
    """

    start_ms: int
    end_ms: int
    step_ms: int = 0
    range_ms: int = 0
    function: str = ""
    rollup_columns: frozenset[RollupColumn] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an expression reads.

    Attributes:
        matchers: A selector's, the metric's name among them.
        start_ms: The oldest timestamp that can matter.
        end_ms: The newest one.
    """

    matchers: tuple[Matcher, ...]
    start_ms: int
    end_ms: int


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

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupBlock:
    """Buckets of a bounded number of series, one series after the other.

    A bucket stands for neighbouring samples of a series, all of them after the multiple of
    its resolution before its end, and at or before its end. Several buckets may have one end.
    Where the store has samples it may give them as buckets of one each, that end with it. A
    stale marker that is newer than all samples before a bucket's end is a bucket of its own,
    with a count of 0.

    Windows whose edges lie on ends of buckets have all their samples, and no others.

    Attributes:
        label_sets: One label set a series, metric name included.
        offsets: int64, one more than there are series, from 0 to the number of buckets.
        ends_ms: int64, ascending within a series.
        counts: int64, the samples of each bucket.
        columns: The columns that were asked for.
        rounded_before_ms: Windows that begin before must be rounded to ends of buckets.
        resolution_ms: The distance of these ends.
    """

    label_sets: Sequence[LabelSet]
    offsets: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    counts: NDArray[np.int64]
    columns: Mapping[RollupColumn, NDArray[Any]]
    rounded_before_ms: int = -(2**62)
    resolution_ms: int = 1

    def __len__(self) -> int:
        return len(self.counts)


class Storage(Protocol):
    """A store that the engine can read; one object answers one query consistently."""

    def select(
        self, matchers: Sequence[Matcher], hints: SelectHints
    ) -> Iterator[SeriesBlock | RollupBlock]:
        """Yield every series that satisfies all matchers, each in exactly one block.

        The store decides how many series a block holds (64 to 1,024 is usual): it
        bounds the memory of a query. Series come in any order. A block may hold
        samples outside of the hints' window, and series with no sample at all. Rollups
        come only where the hints say which columns are needed.

        Raises:
            PromQLError: Samples are needed of a time that the store has only rollups of.
        """
        ...


BlockT = TypeVar("BlockT", bound=SeriesBlock | RollupBlock)


def split(block: BlockT, series_count: int) -> Iterator[BlockT]:
    """Yield the block in parts of at most `series_count` series."""
    if len(block.label_sets) <= series_count:
        yield block
        return
    for start in range(0, len(block.label_sets), series_count):
        label_sets = block.label_sets[start : start + series_count]
        offsets = block.offsets[start : start + len(label_sets) + 1]
        part = slice(offsets[0], offsets[-1])
        if isinstance(block, RollupBlock):
            yield replace(
                block,
                label_sets=label_sets,
                offsets=offsets - offsets[0],
                ends_ms=block.ends_ms[part],
                counts=block.counts[part],
                columns={name: column[part] for name, column in block.columns.items()},
            )
        else:
            yield replace(
                block,
                label_sets=label_sets,
                offsets=offsets - offsets[0],
                timestamps_ms=block.timestamps_ms[part],
                values=block.values[part],
            )
