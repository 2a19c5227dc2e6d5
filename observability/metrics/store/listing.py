"""The series, label names and label values that there are: all, of some selectors, or of a period.

A selector that names its metric is answered by the metric's table in memory, any other by PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from observability.metrics.models import Metric
from observability.metrics.period import EVER, Period
from observability.metrics.store.all_labels import names_of_all, values_of_all
from observability.metrics.store.label_rows import names_of_rows, values_of_rows
from observability.metrics.store.presence import present_metrics, present_series
from observability.metrics.store.selection import (
    SelectedSeries,
    find_series,
    is_text_of_postgres,
    table_of,
)
from observability.metrics.store.series_table import SeriesTable
from observability.promql.labels import METRIC_NAME, LabelSet
from observability.promql.matchers import Matcher, matches_all

Selectors = Sequence[Sequence[Matcher]]
"""Each of them a list of matchers; a series of any is meant, or every series when there is none."""

# What is in memory of series that are listed, at about a kilobyte each.
SERIES_PER_PAGE = 20_000


def list_series(
    selectors: Selectors, period: Period = EVER, *, limit: int | None = None
) -> Iterator[LabelSet]:
    """Yield the label sets of series, each once; those that fit a page in their order."""
    size = SERIES_PER_PAGE if limit is None else min(SERIES_PER_PAGE, max(limit, 1_000))
    page: list[LabelSet] = []
    for found in _pages(selectors or [()], size):
        present = found
        if found and not period.is_ever:
            ids = np.array([series.id for series in found], np.int64)
            metric_ids = np.array([series.metric_id for series in found], np.int64)
            is_present = present_series(ids, metric_ids, period)
            present = [found[place] for place in np.flatnonzero(is_present).tolist()]
        page += [series.labels for series in present]
        if len(page) >= size:
            yield from sorted(page)
            page = []
    yield from sorted(page)


def _pages(selectors: Selectors, size: int) -> Iterator[list[SelectedSeries]]:
    """Yield series by ascending id, selector by selector, without those of selectors before."""
    for number, matchers in enumerate(selectors):
        after_id, is_last = 0, False
        while not is_last:
            found = find_series(matchers, after_id=after_id, limit=size)
            is_last = len(found) < size
            after_id = after_id if is_last else found[-1].id
            yield [
                series
                for series in found
                if not any(matches_all(earlier, series.labels) for earlier in selectors[:number])
            ]


def list_label_names(selectors: Selectors, period: Period = EVER) -> list[str]:
    """Return the label names of series, sorted, `__name__` among them."""
    if not selectors:
        return sorted(names_of_all(period))
    names: set[str] = set()
    for matchers in selectors:
        table = table_of(matchers)
        if table is None:
            names |= names_of_rows(matchers, period)
        elif (chosen := _chosen(table, matchers, period)).any():
            names |= {name for name in table.columns if _values_of_table(table, chosen, name)}
            names.add(METRIC_NAME)
    return sorted(names)


def list_label_values(name: str, selectors: Selectors, period: Period = EVER) -> list[str]:
    """Return the values that a label has on series, sorted."""
    if not is_text_of_postgres(name):
        return []
    if not selectors and name != METRIC_NAME:
        return values_of_all(name, period)
    if not selectors and period.is_ever:
        return sorted(Metric.objects.values_list("name", flat=True))
    if not selectors:
        return sorted(present_metrics(period))
    values: set[str] = set()
    for matchers in selectors:
        table = table_of(matchers)
        if table is None:
            values |= values_of_rows(matchers, period, name)
        else:
            values |= _values_of_table(table, _chosen(table, matchers, period), name)
    return sorted(values)


def _chosen(table: SeriesTable, matchers: Sequence[Matcher], period: Period) -> NDArray[np.bool_]:
    """Say of each series of a table whether it satisfies the matchers and has samples in the period."""
    chosen = table.satisfying(matchers)
    if not period.is_ever and chosen.any():
        ids = table.ids[chosen]
        chosen[chosen] = present_series(ids, np.full(len(ids), table.metric_id, np.int64), period)
    return chosen


def _values_of_table(table: SeriesTable, chosen: NDArray[np.bool_], name: str) -> set[str]:
    if name == METRIC_NAME:
        return {table.name} if chosen.any() else set()
    column = table.columns.get(name)
    if column is None:
        return set()
    # The first value stands for series without the label.
    places = np.flatnonzero(column.counts(chosen)[1:]) + 1
    return {column.values.values[place] for place in places.tolist()}
