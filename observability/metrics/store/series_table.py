"""The series of one metric as a table in memory: a column of values for each label.

Matchers on a metric's name, which is nearly all, are answered by it without asking PostgreSQL for
more than whether it still holds. The series of a metric are only ever added, except where the
catalogue's epoch is advanced with it, and the metric's row counts them in the same transactions; so a
table with the same count and epoch holds the same series.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from observability.metrics.store import catalogue
from observability.metrics.store.kept import Kept
from observability.metrics.store.label_values import LabelValues
from observability.promql.labels import METRIC_NAME, LabelSet
from observability.promql.matchers import Matcher

# Of a process, for all tables together; those that were not used for longest give way.
MAX_KEPT_BYTES = 96_000_000
# A metric with more is searched by the index in the database.
MAX_SERIES = 1_000_000
# Label pairs of all tables, whose texts they share; a process that has seen more starts anew.
_MAX_KEPT_PAIRS = 500_000

_NO_PAIR = np.zeros(1, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A label of a metric's series.

    Attributes:
        pair_ids: Of its values, ascending; the first is 0, for series without the label.
        values: In the same order; the first is ''.
        places: For each series, which of the values it has.
    """

    pair_ids: NDArray[np.int64]
    values: LabelValues
    places: NDArray[np.int32]

    def counts(self, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Return for each value how many series (of the chosen) have it."""
        places = self.places if chosen is None else self.places[chosen]
        return np.bincount(places, minlength=len(self.values)).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesTable:
    """The series of a metric.

    Attributes:
        metric_id: The metric.
        name: Its name.
        series_count: What the metric's row said when this was read.
        epoch: The catalogue's epoch then.
        ids: The series, ascending.
        columns: By label name, sorted.
    """

    metric_id: int
    name: str
    series_count: int
    epoch: int
    ids: NDArray[np.int64]
    columns: Mapping[str, Column]

    @property
    def version(self) -> tuple[int, int, int]:
        """Return what must be as it was for the table to hold: the metric, its count, the epoch."""
        return self.metric_id, self.series_count, self.epoch

    @property
    def kept_bytes(self) -> int:
        """Return about what it takes in memory, apart from texts that tables share."""
        return self.ids.nbytes + sum(
            column.places.nbytes + 32 * len(column.values) for column in self.columns.values()
        )

    def satisfying(self, matchers: Iterable[Matcher]) -> NDArray[np.bool_]:
        """Say for each series whether it satisfies all matchers.

        Raises:
            InvalidRegexError: A matcher's value is not a regular expression.
        """
        satisfies = np.ones(len(self.ids), np.bool_)
        for matcher in matchers:
            column = self.columns.get(matcher.name)
            if column is not None:
                satisfies &= column.values.satisfying(matcher)[column.places]
            elif not matcher.matches(self.name if matcher.name == METRIC_NAME else ""):
                satisfies[:] = False
        return satisfies

    def labels(self, place: int) -> LabelSet:
        """Return the label set of the series at a place in the table."""
        pairs = [(METRIC_NAME, self.name)]
        for name, column in self.columns.items():
            if value := column.values.values[column.places[place]]:
                pairs.append((name, value))
        return tuple(sorted(pairs))


# By the metric's name.
_kept: Kept[str, SeriesTable] = Kept(MAX_KEPT_BYTES, lambda table: table.kept_bytes)
_pairs: dict[int, tuple[str, str]] = {}


def kept_table(metric_name: str) -> SeriesTable | None:
    """Return the table of a metric as it was when this process last read it, if it still keeps it."""
    return _kept.get(metric_name)


def find_table(metric_name: str) -> SeriesTable | None:
    """Return the table of a metric as it is now; None when there is no such metric, or too much of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, series_count, coalesce((SELECT number FROM metrics_catalogueepoch), 0)"
            " FROM metrics_metric WHERE name = %s",
            [metric_name],
        )
        row = cursor.fetchone()
    if row is None or row[1] > MAX_SERIES:
        return None
    metric_id, series_count, epoch = row
    kept = _kept.get(metric_name)
    if kept is not None and kept.version == (metric_id, series_count, epoch):
        return kept
    if kept is not None and kept.metric_id != metric_id:
        kept = None
    table = _read(metric_id, metric_name, kept)
    # What an open transaction sees may never come to be.
    if table is not None and not connection.in_atomic_block:
        _kept.keep({metric_name: table})
    return table


def _read(metric_id: int, name: str, kept: SeriesTable | None) -> SeriesTable | None:
    """Return the table as the database has it; what is kept is added to when that is enough."""
    table = kept or SeriesTable(
        metric_id=metric_id,
        name=name,
        series_count=0,
        epoch=0,
        ids=np.empty(0, np.int64),
        columns={},
    )
    news = _read_rows(metric_id, after_id=int(table.ids.max(initial=0)))
    if news is None:
        return None
    is_whole = news.epoch == table.epoch and news.series_count == len(table.ids) + len(news.ids)
    if kept is not None and not is_whole:
        return _read(metric_id, name, None)
    return _with_rows(table, news)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Series as they stand in the database: how many pairs each has, and the pairs of all."""

    series_count: int
    epoch: int
    ids: NDArray[np.int64]
    pair_counts: NDArray[np.int64]
    pair_ids: NDArray[np.int64]


def _read_rows(metric_id: int, *, after_id: int) -> _Rows | None:
    """Return the metric's series with larger ids, and its count as of the same moment."""
    with connection.cursor() as cursor:
        # As three texts, which are parsed at once: a million rows would take Python seconds.
        cursor.execute(
            "SELECT metric.series_count, coalesce((SELECT number FROM metrics_catalogueepoch), 0),"
            "   found.ids, found.counts, found.pairs"
            " FROM metrics_metric AS metric, LATERAL ("
            "   SELECT string_agg(id::text, ' ') AS ids,"
            "     string_agg(cardinality(pairs)::text, ' ') AS counts,"
            "     string_agg(NULLIF(array_to_string(pairs, ' '), ''), ' ') AS pairs"
            "   FROM (SELECT id, pairs FROM metrics_series"
            "     WHERE metric_id = %(metric)s AND id > %(after)s ORDER BY id) AS series"
            " ) AS found WHERE metric.id = %(metric)s",
            {"metric": metric_id, "after": after_id},
        )
        row = cursor.fetchone()
    if row is None:
        return None
    ids, pair_counts, pair_ids = (numbers_of(text) for text in row[2:])
    return _Rows(
        series_count=row[0], epoch=row[1], ids=ids, pair_counts=pair_counts, pair_ids=pair_ids
    )


def numbers_of(text: str | None) -> NDArray[np.int64]:
    """Return the numbers of a text, which PostgreSQL has put together with spaces."""
    return np.fromstring(text or "", dtype=np.int64, sep=" ")


def _with_rows(table: SeriesTable, news: _Rows) -> SeriesTable:
    """Return the table with more series at its end."""
    distinct, ranks = np.unique(news.pair_ids, return_inverse=True)
    pairs = _pair_texts(distinct.tolist())
    by_label: dict[str, list[int]] = {}
    for rank, pair_id in enumerate(distinct.tolist()):
        by_label.setdefault(pairs[pair_id][0], []).append(rank)
    rows = np.repeat(np.arange(len(news.ids)), news.pair_counts)
    # The pairs of one label together: a label is then a slice.
    labels = np.empty(len(distinct), np.int64)
    for number, members in enumerate(by_label.values()):
        labels[members] = number
    order = np.argsort(labels[ranks], kind="stable")
    ends = np.cumsum(np.bincount(labels[ranks], minlength=len(by_label)))
    slices = {
        name: order[start:end]
        for name, (start, end) in zip(by_label, pairwise([0, *ends.tolist()]), strict=True)
    }
    columns = {}
    for name in sorted({*table.columns, *by_label}):
        added = np.zeros(len(news.ids), np.int64)
        if name in slices:
            added[rows[slices[name]]] = news.pair_ids[slices[name]]
        columns[name] = _longer(table.columns.get(name), len(table.ids), added, pairs)
    return SeriesTable(
        metric_id=table.metric_id,
        name=table.name,
        series_count=news.series_count,
        epoch=news.epoch,
        ids=np.concatenate([table.ids, news.ids]),
        columns=columns,
    )


def _longer(
    column: Column | None,
    length: int,
    added: NDArray[np.int64],
    pairs: Mapping[int, tuple[str, str]],
) -> Column:
    """Return a column of a table of this length with the pairs of more series at its end."""
    if column is None:
        column = Column(_NO_PAIR, LabelValues([""]), np.zeros(length, np.int32))
    pair_ids = np.union1d(column.pair_ids, added)
    if len(pair_ids) == len(column.pair_ids):
        values, moved = column.values, column.places
    else:
        texts = dict(zip(column.pair_ids.tolist(), column.values.values, strict=True))
        values = LabelValues(
            [texts[pair] if pair in texts else pairs[pair][1] for pair in pair_ids.tolist()]
        )
        moved = np.searchsorted(pair_ids, column.pair_ids)[column.places].astype(np.int32)
    places = np.concatenate([moved, np.searchsorted(pair_ids, added).astype(np.int32)])
    return Column(pair_ids, values, places)


def _pair_texts(pair_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return name and value of label pairs; they never change, so the process keeps them."""
    known = {pair_id: _pairs.get(pair_id) for pair_id in pair_ids}
    texts = {pair_id: pair for pair_id, pair in known.items() if pair is not None}
    unknown = [pair_id for pair_id in pair_ids if pair_id not in texts]
    if not unknown:
        return texts
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, value FROM metrics_labelpair WHERE id = ANY(%s::int[])",
            ["{" + ",".join(map(str, unknown)) + "}"],
        )
        news = {pair_id: (name, value) for pair_id, name, value in cursor.fetchall()}
    if len(_pairs) + len(news) > _MAX_KEPT_PAIRS:
        _pairs.clear()
    _pairs.update(news)
    return texts | news


catalogue.on_forget(_kept.clear)
