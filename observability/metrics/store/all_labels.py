"""The labels of all series: those of ever, which the catalogue knows, and those of a period.

What a few live series prove need not be searched for (live_labels.py); what remains in doubt are
labels of few series, or of such as have ended.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from django.db import connection

from observability.metrics.period import Period
from observability.metrics.store.label_rows import ids_of, names_of_rows, values_of_rows
from observability.metrics.store.label_values import label_pairs
from observability.metrics.store.live_labels import live_labels
from observability.metrics.store.presence import present_metrics, present_series
from observability.promql.labels import METRIC_NAME

# In a larger store, labels of which very many values are in doubt are all taken for live.
MAX_SEARCHED_SERIES = 200_000
# Each of so many is looked up in the index of label pairs.
_MOST_LOOKED_UP = 1_000


def names_of_all(period: Period) -> set[str]:
    """Return the label names of all series that have samples in a period, `__name__` among them."""
    known, epoch = _known_names()
    if period.is_ever or not known:
        return known
    known.discard(METRIC_NAME)
    doubtful = known - live_labels(period, epoch).names
    if doubtful:
        known = known - doubtful | _live_names(doubtful, period)
    return known | {METRIC_NAME} if known or present_metrics(period) else set()


def _live_names(doubtful: set[str], period: Period) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name FROM metrics_labelpair WHERE name = ANY(%s) LIMIT %s",
            [list(doubtful), _MOST_LOOKED_UP + 1],
        )
        name_of = dict(cursor.fetchall())
    if len(name_of) <= _MOST_LOOKED_UP:
        return {name_of[pair_id] for pair_id in _live_pairs(list(name_of), period)}
    return doubtful if _are_too_many() else names_of_rows((), period) & doubtful


def _known_names() -> tuple[set[str], int]:
    """Return all label names that there ever were, and the catalogue's epoch.

    Names are looked up from one to the next: they are few, their values may be millions.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE label AS ("
            "  (SELECT name FROM metrics_labelpair ORDER BY name LIMIT 1)"
            "  UNION ALL SELECT (SELECT pair.name FROM metrics_labelpair AS pair"
            "    WHERE pair.name > label.name ORDER BY pair.name LIMIT 1)"
            "  FROM label WHERE label.name IS NOT NULL"
            ") SELECT name, coalesce((SELECT number FROM metrics_catalogueepoch), 0)"
            " FROM label WHERE name IS NOT NULL"
            " UNION ALL SELECT %s, 0 WHERE EXISTS (SELECT FROM metrics_metric)",
            [METRIC_NAME],
        )
        rows = cursor.fetchall()
    return {name for name, _ in rows}, max((epoch for _, epoch in rows), default=0)


def values_of_all(name: str, period: Period) -> list[str]:
    """Return the values that a label has on any series with samples in a period, sorted."""
    pairs = label_pairs(name)
    known = pairs.values.values
    if period.is_ever or not known:
        return list(known)
    is_live = np.isin(pairs.ids, live_labels(period, pairs.epoch).pair_ids)
    doubtful = pairs.ids[~is_live]
    if len(doubtful) > _MOST_LOOKED_UP:
        return list(known) if _are_too_many() else sorted(values_of_rows((), period, name))
    if len(doubtful):
        is_live |= np.isin(pairs.ids, _live_pairs(doubtful.tolist(), period))
    return [known[place] for place in np.flatnonzero(is_live).tolist()]


def _live_pairs(pair_ids: Sequence[int], period: Period) -> list[int]:
    """Return those of some label pairs that are on series with samples in a period."""
    wanted = "{" + ",".join(map(str, pair_ids)) + "}"
    ids, metric_ids = ids_of("series.pairs && %s::int[]", [wanted])
    present = ids[present_series(ids, metric_ids, period)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT pair FROM metrics_series, unnest(pairs) AS pair"
            " WHERE id = ANY(%s) AND pair = ANY(%s::int[])",
            [present.tolist(), wanted],
        )
        return [pair_id for (pair_id,) in cursor.fetchall()]


def _are_too_many() -> bool:
    """Say whether there are more series than a search may go through."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(series_count), 0) FROM metrics_metric")
        (count,) = cursor.fetchone()
    return int(count) > MAX_SEARCHED_SERIES
