"""Labels of series as PostgreSQL finds them, where no table of a metric is there to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.period import Period
from observability.metrics.store.presence import present_series
from observability.metrics.store.selection import condition_of
from observability.metrics.store.series_table import numbers_of
from observability.promql.labels import METRIC_NAME
from observability.promql.matchers import Matcher


def names_of_rows(matchers: Sequence[Matcher], period: Period) -> set[str]:
    """Return the label names of series that satisfy all matchers and have samples in a period."""
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


def values_of_rows(matchers: Sequence[Matcher], period: Period, name: str) -> set[str]:
    """Return the values of a label of such series."""
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


def ids_of(
    condition: str, parameters: Sequence[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the series (ascending ids) that satisfy a condition, with the metric of each."""
    with connection.cursor() as cursor:
        # As texts, which are parsed at once.
        cursor.execute(
            "SELECT string_agg(id::text, ' '), string_agg(metric_id::text, ' ') FROM ("  # noqa: S608 (the same)
            "  SELECT series.id, series.metric_id FROM metrics_series AS series"
            f"  WHERE {condition} ORDER BY series.id) AS series",
            parameters,
        )
        ids, metric_ids = (numbers_of(text) for text in cursor.fetchone())
    return ids, metric_ids


def _condition(matchers: Sequence[Matcher], period: Period) -> tuple[str, list[Any]]:
    """Return what says in SQL of a series that it satisfies the matchers and has samples in the period."""
    condition, parameters = condition_of(matchers)
    if period.is_ever:
        return condition, parameters
    ids, metric_ids = ids_of(condition, parameters)
    is_present = present_series(ids, metric_ids, period)
    if is_present.all():
        return condition, parameters
    return "series.id = ANY(%s::bigint[])", [
        "{" + ",".join(map(str, ids[is_present].tolist())) + "}"
    ]
