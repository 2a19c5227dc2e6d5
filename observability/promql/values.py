"""What a query gives: scalars, strings, instant vectors and matrices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from observability.promql.explanation import Explanation
from observability.promql.labels import LabelSet
from observability.promql.statistics import QueryStatistics


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number at one time."""

    timestamp_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class String:
    """One string at one time."""

    timestamp_ms: int
    value: str


@dataclass(frozen=True, slots=True)
class InstantVector:
    """One sample for each of several series, all at one time, in the query's order."""

    timestamp_ms: int
    label_sets: Sequence[LabelSet]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.label_sets)

    def first(self, count: int) -> "InstantVector":
        """Return the first series alone."""
        return InstantVector(self.timestamp_ms, self.label_sets[:count], self.values[:count])

    def samples(self) -> Iterator[tuple[LabelSet, float]]:
        """Yield label set and value of each series."""
        return zip(self.label_sets, self.values.tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Several samples for each of several series; series with none are left out.

    The samples of series `i` are `timestamps_ms[offsets[i]:offsets[i + 1]]` and the
    same slice of `values`. Series are sorted by label set.
    """

    label_sets: Sequence[LabelSet]
    offsets: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.label_sets)

    def first(self, count: int) -> "Matrix":
        """Return the first series alone."""
        end = self.offsets[count]
        return Matrix(
            self.label_sets[:count],
            self.offsets[: count + 1],
            self.timestamps_ms[:end],
            self.values[:end],
        )

    def series(self) -> Iterator[tuple[LabelSet, NDArray[np.int64], NDArray[np.float64]]]:
        """Yield label set, timestamps in ms and values of each series."""
        for i, labels in enumerate(self.label_sets):
            part = slice(self.offsets[i], self.offsets[i + 1])
            yield labels, self.timestamps_ms[part], self.values[part]


Value: TypeAlias = Scalar | String | InstantVector | Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """A query's value and what is to be said about it.

    Attributes:
        value: `Matrix` for a range query; what the expression gives for an instant one.
        warnings: Sentences on results that may be wrong, in the order they arose.
        infos: Sentences on queries that are probably not what was meant.
        samples_read: Samples that the storage gave for the query.
        statistics: What the query took, where it was asked for.
        explanation: The same by node of the syntax tree, where it was asked for.
    """

    value: Value
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    samples_read: int = 0
    statistics: QueryStatistics | None = None
    explanation: Explanation | None = None
