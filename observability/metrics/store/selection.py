"""Which series satisfy a selector's matchers.

A selector that names its metric is answered by the metric's table in memory; any other by the index
of label pairs in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from django.db import connection

from observability.metrics.store.label_values import label_pairs
from observability.metrics.store.series_table import SeriesTable, find_table, kept_table
from observability.promql.labels import METRIC_NAME, LabelSet, label_set
from observability.promql.matchers import Matcher, MatchOp

# About 100 MB of label sets at the usual 500 bytes each; a process with more starts anew.
MAX_KEPT_SERIES = 200_000

# The index looks each of the pairs up; from so many on, looking at the rows is the lesser work.
_MAX_LOOKED_UP = 1_000

# By the id of the series, which is never used again.
_kept: dict[int, LabelSet] = {}


@dataclass(frozen=True, slots=True)
class SelectedSeries:
    """A series that a selector has found."""

    id: int
    metric_id: int
    labels: LabelSet


def find_series(
    matchers: Sequence[Matcher], *, after_id: int = 0, limit: int | None = None
) -> list[SelectedSeries]:
    """Return the series that satisfy all matchers, by ascending id.

    Args:
        matchers: What each series must satisfy; none means all series.
        after_id: Only series with a larger id, for paging.
        limit: At most so many.
    """
    table = table_of(matchers)
    if table is not None:
        return _of_table(table, matchers, after_id, limit)
    return _of_database(matchers, after_id, limit)


def find_kept_series(
    matchers: Sequence[Matcher],
) -> tuple[SeriesTable, list[SelectedSeries]] | None:
    """Return the series that satisfy all matchers in a table that this process keeps, and the table.

    The database is not asked, so it is for the caller to see whether the table still holds.
    """
    table = kept_table_of(matchers)
    return None if table is None else (table, series_of(table, matchers))


def series_of(table: SeriesTable, matchers: Sequence[Matcher]) -> list[SelectedSeries]:
    """Return the series of a table that satisfy all matchers, by ascending id."""
    return _of_table(table, matchers, 0, None)


def kept_table_of(matchers: Sequence[Matcher]) -> SeriesTable | None:
    """Return the same as `table_of` of what this process keeps, without asking the database."""
    return _first_table(matchers, kept_table)


def table_of(matchers: Sequence[Matcher]) -> SeriesTable | None:
    """Return the table of the metric that the matchers name; None when they name none that has one."""
    return _first_table(matchers, find_table)


def _first_table(
    matchers: Sequence[Matcher], look_up: Callable[[str], SeriesTable | None]
) -> SeriesTable | None:
    for matcher in matchers:
        is_name = matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL
        if is_name and is_text_of_postgres(matcher.value):
            table = look_up(matcher.value)
            if table is not None:
                return table
    return None


def _of_table(
    table: SeriesTable, matchers: Sequence[Matcher], after_id: int, limit: int | None
) -> list[SelectedSeries]:
    places = np.flatnonzero(table.satisfying(matchers) & (table.ids > after_id))[:limit]
    found = []
    for place, series_id in zip(places.tolist(), table.ids[places].tolist(), strict=True):
        labels = _kept.get(series_id)
        if labels is None:
            labels = table.labels(place)
            _keep({series_id: labels})
        found.append(SelectedSeries(series_id, table.metric_id, labels))
    return found


def _keep(news: dict[int, LabelSet]) -> None:
    if len(_kept) + len(news) > MAX_KEPT_SERIES:
        _kept.clear()
    _kept.update(news)


def _of_database(
    matchers: Sequence[Matcher], after_id: int, limit: int | None
) -> list[SelectedSeries]:
    condition, parameters = condition_of(matchers)
    # The parts put together here are constants of this module; every value is bound.
    statement = (
        "SELECT series.id, series.metric_id FROM metrics_series AS series"  # noqa: S608
        f" WHERE series.id > %s AND {condition} ORDER BY series.id LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [after_id, *parameters, limit])
        found = cursor.fetchall()
    labels = _labels_of([series_id for series_id, _ in found])
    return [
        SelectedSeries(series_id, metric_id, labels[series_id])
        for series_id, metric_id in found
        if series_id in labels  # it may just have been deleted
    ]


def condition_of(matchers: Sequence[Matcher]) -> tuple[str, list[Any]]:
    """Return what says in SQL, of `metrics_series AS series`, the same as the matchers, and its parameters."""
    conditions: list[str] = ["TRUE"]
    parameters: list[Any] = []
    for matcher in matchers:
        condition, values = (
            _metric_condition(matcher) if matcher.name == METRIC_NAME else _label_condition(matcher)
        )
        conditions.append(condition)
        parameters += values
    return " AND ".join(conditions), parameters


def _labels_of(series_ids: Sequence[int]) -> dict[int, LabelSet]:
    """Return the label sets of series; they never change, so the process keeps them."""
    # Asked once each: another thread may empty what is kept at any time.
    kept = ((series_id, _kept.get(series_id)) for series_id in series_ids)
    labels = {series_id: known for series_id, known in kept if known is not None}
    unknown = [series_id for series_id in series_ids if series_id not in labels]
    if not unknown:
        return labels
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series.id, metric.name, series.labels FROM metrics_series AS series"
            " JOIN metrics_metric AS metric ON metric.id = series.metric_id"
            " WHERE series.id = ANY(%s)",
            [unknown],
        )
        news = {
            series_id: label_set({METRIC_NAME: name, **_labels(pairs)})
            for series_id, name, pairs in cursor.fetchall()
        }
    _keep(news)
    return labels | news


def _labels(value: Any) -> dict[str, str]:
    return msgspec.json.decode(value, type=dict[str, str]) if isinstance(value, str) else value


def is_text_of_postgres(text: str) -> bool:
    """Say whether PostgreSQL can hold a text; what it cannot hold, no series has."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _metric_condition(matcher: Matcher) -> tuple[str, list[Any]]:
    if matcher.op is MatchOp.EQUAL:
        if not is_text_of_postgres(matcher.value):
            return "FALSE", []
        # Not a join: the labels of most series are known, their names with them.
        return "series.metric_id = (SELECT id FROM metrics_metric WHERE name = %s)", [matcher.value]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM metrics_metric")
        chosen = [metric_id for metric_id, name in cursor.fetchall() if matcher.matches(name)]
    return "series.metric_id = ANY(%s)", [chosen]


def _label_condition(matcher: Matcher) -> tuple[str, list[Any]]:
    """Return the condition on `series.pairs` that says the same as the matcher.

    A matcher that an absent label satisfies forbids the pairs that fail it; any other
    matcher demands one of the pairs that satisfy it.
    """
    if not is_text_of_postgres(matcher.name):
        return ("TRUE" if matcher.matches("") else "FALSE"), []
    forbids = matcher.matches("")
    if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL) and matcher.value:
        pairs = _pair_ids(matcher.name, matcher.value)
    else:
        known = label_pairs(matcher.name)
        pairs = known.ids[known.values.satisfying(matcher) ^ forbids].tolist()
    if not pairs:
        return ("TRUE" if forbids else "FALSE"), []
    condition = (
        "series.pairs && %s::int[]"
        if len(pairs) <= _MAX_LOOKED_UP
        # PostgreSQL hashes the list, where `&&` would compare each with each.
        else "EXISTS (SELECT FROM unnest(series.pairs) AS pair WHERE pair = ANY(%s::int[]))"
    )
    # As text, which is parsed many times as fast as an expression that makes an array.
    listed = "{" + ",".join(map(str, pairs)) + "}"
    return (f"NOT {condition}" if forbids else condition), [listed]


def _pair_ids(name: str, value: str) -> list[int]:
    if not is_text_of_postgres(value):
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM metrics_labelpair WHERE name = %s AND value = %s", [name, value]
        )
        return [pair_id for (pair_id,) in cursor.fetchall()]
