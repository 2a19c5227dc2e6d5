"""The series, label names and label values that there are: all, of some selectors, or of a period.

A selector that names its metric is answered by the metric's table in memory, any other by PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.models import Metric
from observability.metrics.period import EVER, Period
from observability.metrics.store.label_values import label_pairs
from observability.metrics.store.presence import present_metrics, present_series
from observability.metrics.store.selection import (
    SelectedSeries,
    condition_of,
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
# In a larger store, a period limits labels only together with a selector.
MAX_SEARCHED_SERIES = 200_000


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
    if not selectors and _is_for_the_catalogue(period):
        return _all_names()
    names: set[str] = set()
    for matchers in selectors or [()]:
        table = table_of(matchers)
        if table is None:
            names |= _names_of_rows(matchers, period)
        elif (chosen := _chosen(table, matchers, period)).any():
            names |= {name for name in table.columns if _values_of_table(table, chosen, name)}
            names.add(METRIC_NAME)
    return sorted(names)


def list_label_values(name: str, selectors: Selectors, period: Period = EVER) -> list[str]:
    """Return the values that a label has on series, sorted."""
    if not is_text_of_postgres(name):
        return []
    if not selectors and name == METRIC_NAME:
        return sorted(
            Metric.objects.values_list("name", flat=True)
            if period.is_ever
            else present_metrics(period)
        )
    if not selectors and _is_for_the_catalogue(period):
        return list(label_pairs(name).values.values)
    values: set[str] = set()
    for matchers in selectors or [()]:
        table = table_of(matchers)
        if table is None:
            values |= _values_of_rows(matchers, period, name)
        else:
            values |= _values_of_table(table, _chosen(table, matchers, period), name)
    return sorted(values)


def _is_for_the_catalogue(period: Period) -> bool:
    if period.is_ever:
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(series_count), 0) FROM metrics_metric")
        (count,) = cursor.fetchone()
    return int(count) > MAX_SEARCHED_SERIES


def _all_names() -> list[str]:
    """Return all label names, from one to the next: they are few, their values may be millions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE label AS ("
            "  (SELECT name FROM metrics_labelpair ORDER BY name LIMIT 1)"
            "  UNION ALL SELECT (SELECT pair.name FROM metrics_labelpair AS pair"
            "    WHERE pair.name > label.name ORDER BY pair.name LIMIT 1)"
            "  FROM label WHERE label.name IS NOT NULL"
            ") SELECT name FROM label WHERE name IS NOT NULL"
            " UNION ALL SELECT %s WHERE EXISTS (SELECT FROM metrics_metric)",
            [METRIC_NAME],
        )
        return sorted(name for (name,) in cursor.fetchall())


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


def _names_of_rows(matchers: Sequence[Matcher], period: Period) -> set[str]:
    condition, parameters = _condition(matchers, period)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT label.name FROM ("  # noqa: S608 (constants of selection.py)
            "  SELECT DISTINCT unnest(series.pairs) AS id FROM metrics_series AS series"
            f"  WHERE {condition}) AS used"
            " JOIN metrics_labelpair AS label ON label.id = used.id"
            " UNION ALL SELECT %s WHERE EXISTS ("
            f"  SELECT FROM metrics_series AS series WHERE {condition})",
            [*parameters, METRIC_NAME, *parameters],
        )
        return {name for (name,) in cursor.fetchall()}


def _values_of_rows(matchers: Sequence[Matcher], period: Period, name: str) -> set[str]:
    condition, parameters = _condition(matchers, period)
    if name == METRIC_NAME:
        statement = (
            "SELECT metric.name FROM metrics_metric AS metric WHERE metric.id IN ("  # noqa: S608 (the same)
            f"  SELECT series.metric_id FROM metrics_series AS series WHERE {condition})"
        )
    else:
        statement = (
            "SELECT label.value FROM ("  # noqa: S608 (the same)
            "  SELECT DISTINCT unnest(series.pairs) AS id FROM metrics_series AS series"
            f"  WHERE {condition}) AS used"
            " JOIN metrics_labelpair AS label ON label.id = used.id AND label.name = %s"
        )
        parameters = [*parameters, name]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {value for (value,) in cursor.fetchall()}


def _condition(matchers: Sequence[Matcher], period: Period) -> tuple[str, list[Any]]:
    """Return what says in SQL of a series that it satisfies the matchers and has samples in the period."""
    condition, parameters = condition_of(matchers)
    if period.is_ever:
        return condition, parameters
    with connection.cursor() as cursor:
        # As texts, which are parsed at once.
        cursor.execute(
            "SELECT string_agg(id::text, ' '), string_agg(metric_id::text, ' ') FROM ("  # noqa: S608 (the same)
            "  SELECT series.id, series.metric_id FROM metrics_series AS series"
            f"  WHERE {condition} ORDER BY series.id) AS series",
            parameters,
        )
        ids, metric_ids = (_numbers(text) for text in cursor.fetchone())
    is_present = present_series(ids, metric_ids, period)
    if is_present.all():
        return condition, parameters
    return "series.id = ANY(%s::bigint[])", [
        "{" + ",".join(map(str, ids[is_present].tolist())) + "}"
    ]


def _numbers(text: str | None) -> NDArray[np.int64]:
    return np.fromstring(text or "", dtype=np.int64, sep=" ")
