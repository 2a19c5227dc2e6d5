"""The labels of a metric: how many values each has, and which of them most series have."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store.series_table import Column, SeriesTable


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value of a label, and how many of the chosen series have it."""

    value: str
    series: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSummary:
    """A label of the chosen series.

    Attributes:
        name: Its name.
        values: How many values it has, those of the search if there was one.
        series: How many of the chosen series have it.
        top: The values that most series have.
    """

    name: str
    values: int
    series: int
    top: list[ValueCount]

    @property
    def more(self) -> int:
        """Return how many values are not among the first."""
        return self.values - len(self.top)


def summarize_labels(
    table: SeriesTable, chosen: NDArray[np.bool_], *, top: int
) -> list[LabelSummary]:
    """Return the labels of the chosen series, the one with most values first."""
    summaries = [
        summarize_label(name, column, chosen, top=top) for name, column in table.columns.items()
    ]
    found = [summary for summary in summaries if summary.values]
    return sorted(found, key=lambda summary: (-summary.values, summary.name))


def summarize_label(
    name: str, column: Column, chosen: NDArray[np.bool_], *, top: int, contains: str = ""
) -> LabelSummary:
    """Return what the chosen series have of a label.

    Args:
        name: The label's name.
        column: The label in the metric's table.
        chosen: For each series whether it counts.
        top: How many values are told one by one.
        contains: Only values with this in them, whatever its case.
    """
    counts = column.counts(chosen)
    counts[0] = 0  # series without the label
    if contains:
        wanted = contains.casefold()
        for place in np.flatnonzero(counts).tolist():
            if wanted not in column.values.values[place].casefold():
                counts[place] = 0
    present = np.flatnonzero(counts)
    first = _largest(counts, present, column.values.values, top)
    return LabelSummary(
        name=name,
        values=len(present),
        series=int(counts.sum()),
        top=[ValueCount(column.values.values[place], int(counts[place])) for place in first],
    )


def _largest(
    counts: NDArray[np.int64], present: NDArray[np.intp], values: Sequence[str], top: int
) -> list[int]:
    """Return the places of the largest counts, equal ones by their values."""
    if len(present) > top:
        # Only what may be among them is put in order.
        least = np.partition(counts[present], -top)[-top]
        present = present[counts[present] >= least]
    return heapq.nsmallest(
        top, present.tolist(), key=lambda place: (-int(counts[place]), values[place])
    )
