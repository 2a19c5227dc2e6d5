"""The catalogue: which series exist, and under which ids.

A process keeps the ids it has seen in a dictionary, so that a series costs one look-up a
write. New series are made in bulk; a race between two processes ends in the same ids.

Series are also deleted, and a process that remembers their ids must not write to them. So ids
belong to an *epoch*: whoever deletes series advances its number in the same transaction, every
append says in which epoch it took its ids, and one that comes too late writes nothing, forgets,
and starts anew (`with_current_ids`). An append that began before the deletion was committed may
still pass, so a deletion is not over before the transactions that were running then.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from observability.metrics.errors import CatalogueMovedError, SeriesLimitError
from observability.metrics.instruments import SERIES_REFUSED
from observability.metrics.samples import Metadata, MetricType
from observability.promql.labels import METRIC_NAME, LabelSet, drop_metric_name, label_value

# About 100 MB of label sets at the usual 500 bytes each; a process with more starts anew.
MAX_CACHED_SERIES = 200_000
# Bounds one statement and one transaction, however many new series a body has.
_SERIES_PER_STEP = 10_000
# How often a write is tried while others delete series.
_MAX_ATTEMPTS = 10
# Names the advisory lock that those who make series share, and that who removes metrics and label
# pairs without series has alone ("used" in ASCII).
UNUSED_LOCK = 0x75736564

_Result = TypeVar("_Result")

_ids: dict[LabelSet, int] = {}
_metadata: dict[str, Metadata] = {}
_forgetting: list[Callable[[], None]] = []
_lock = threading.Lock()
_epoch: Epoch | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """A stretch of time in which ids that this process has seen stay good; another object, another memory."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLimits:
    """How many series may be made.

    Attributes:
        max_per_metric: How many a metric has at most; None is any number.
        grant: Says of so many new series how many may be made now.
        throttled: What is told of series that `grant` did not let in.
        made: Is told how many were made.
    """

    max_per_metric: int | None = None
    grant: Callable[[int], int] = lambda count: count
    throttled: str = ""
    made: Callable[[int], None] = lambda count: None


UNLIMITED = SeriesLimits()


@dataclass(frozen=True, slots=True)
class SeriesRefusal:
    """Why a series was not made; a temporary reason goes away by itself."""

    reason: str
    is_temporary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeries:
    """The ids of series, and those that have none with the reason."""

    ids: dict[LabelSet, int]
    refused: dict[LabelSet, SeriesRefusal] = field(default_factory=dict)


def fingerprint(labels: LabelSet) -> bytes:
    """Return the 128-bit BLAKE2b hash of a label set; 0xff, in no UTF-8 text, divides its parts."""
    parts = b"".join(f"{n}".encode() + b"\xff" + f"{v}".encode() + b"\xff" for n, v in labels)
    return hashlib.blake2b(parts, digest_size=16).digest()


def epoch() -> Epoch:
    """Return the epoch of the ids that this process remembers; ask before looking ids up."""
    global _epoch  # noqa: PLW0603 (the memory of the process)
    with _lock:
        if _epoch is None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT coalesce((SELECT number FROM metrics_catalogueepoch), 0)")
                (number,) = cursor.fetchone()
            _epoch = Epoch(number)
        return _epoch


def is_current(epoch: Epoch) -> bool:
    """Say whether nothing was forgotten since; what was looked up before must not be remembered."""
    return _epoch is epoch


def advance_epoch() -> None:
    """Withdraw ids in every process; call it in the transaction that deletes the series."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO metrics_catalogueepoch AS epoch (id, number) VALUES (1, 1)"
            " ON CONFLICT (id) DO UPDATE SET number = epoch.number + 1"
        )


def with_current_ids(write: Callable[[Epoch], _Result]) -> _Result:
    """Return what `write` returns, calling it again while ids that it took were withdrawn.

    Raises:
        CatalogueMovedError: It was so each time.
    """
    for _ in range(_MAX_ATTEMPTS):
        try:
            return write(epoch())
        except CatalogueMovedError:
            forget()
    raise CatalogueMovedError


def series_ids(
    label_sets: Sequence[LabelSet], *, limits: SeriesLimits = UNLIMITED
) -> NDArray[np.int64]:
    """Return the ids of these series, in their order; those that do not exist yet are made.

    Raises:
        SeriesLimitError: Some may not be made; then others may have been.
    """
    current = epoch()
    # Asked once each: another thread may empty the dictionary at any time.
    seen = ((labels, _ids.get(labels)) for labels in label_sets)
    known = {labels: series_id for labels, series_id in seen if series_id is not None}
    unknown = [labels for labels in label_sets if labels not in known]
    if unknown:
        found = find_or_make(unknown, limits=limits)
        # An id of a transaction that is rolled back must not stay in the dictionary.
        transaction.on_commit(lambda: _remember(found.ids, current))
        for refusal in found.refused.values():
            raise SeriesLimitError(refusal.reason, is_temporary=refusal.is_temporary)
        known |= found.ids
    return np.array([known[labels] for labels in label_sets], dtype=np.int64)


def on_forget(callback: Callable[[], None]) -> None:
    """Call this whenever ids that the process has seen may no longer be good."""
    _forgetting.append(callback)


def forget() -> None:
    """Empty the process's memory of ids."""
    global _epoch  # noqa: PLW0603 (the memory of the process)
    with _lock:
        _epoch = None
        _ids.clear()
        _metadata.clear()
        for callback in _forgetting:
            callback()


def _remember(ids: Mapping[LabelSet, int], looked_up_in: Epoch) -> None:
    with _lock:
        if not is_current(looked_up_in):
            return
        if len(_ids) + len(ids) > MAX_CACHED_SERIES:
            _ids.clear()
        _ids.update(ids)


def find(label_sets: Iterable[LabelSet]) -> dict[LabelSet, int]:
    """Return the ids of those series that exist; nothing is made, remembered or kept from being collected."""
    by_fingerprint = {fingerprint(labels): labels for labels in label_sets}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint, id FROM metrics_series WHERE fingerprint = ANY(%s)",
            [list(by_fingerprint)],
        )
        return {by_fingerprint[bytes(key)]: series_id for key, series_id in cursor.fetchall()}


def find_or_make(
    label_sets: Iterable[LabelSet], *, limits: SeriesLimits = UNLIMITED
) -> FoundSeries:
    """Return the ids of series, making those that do not exist; nothing is remembered."""
    # Sorted, so that two processes that make the same series never wait for each other in a ring.
    wanted = sorted((fingerprint(labels), labels) for labels in label_sets)
    found = FoundSeries(ids={}, refused={})
    # A transaction around this keeps the locks of every step, which only one step takes in order.
    step = max(len(wanted), 1) if connection.in_atomic_block else _SERIES_PER_STEP
    for start in range(0, len(wanted), step):
        _find_or_make(dict(wanted[start : start + step]), limits, found)
    return found


def _find_or_make(
    by_fingerprint: Mapping[bytes, LabelSet], limits: SeriesLimits, found: FoundSeries
) -> None:
    """Add what becomes of these series to `found`."""
    ids = _select_ids(by_fingerprint)
    missing = {key: labels for key, labels in by_fingerprint.items() if labels not in ids}
    refused: dict[LabelSet, SeriesRefusal] = {}
    if missing:
        granted = limits.grant(len(missing))
        for key in list(missing)[granted:]:
            refused[missing.pop(key)] = SeriesRefusal(limits.throttled, is_temporary=True)
        with transaction.atomic():
            too_many = _insert(missing, limits.max_per_metric)
        refused |= too_many
        limits.made(len(missing) - len(too_many))
        ids |= _select_ids(missing)
        if len(ids) + len(refused) < len(by_fingerprint):
            raise CatalogueMovedError  # deleted as soon as they were made
    found.ids.update(ids)
    found.refused.update(refused)


def _select_ids(by_fingerprint: Mapping[bytes, LabelSet]) -> dict[LabelSet, int]:
    """Return the ids of those that exist; idle ones that were about to be deleted stay from now on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint, id, retiring_epoch IS NULL FROM metrics_series"
            " WHERE fingerprint = ANY(%s)",
            [list(by_fingerprint)],
        )
        rows = cursor.fetchall()
        retiring = [key for key, _, stays in rows if not stays]
        found = [(key, series_id) for key, series_id, stays in rows if stays]
        if retiring:
            # Who deletes them locks them too: one of both comes first, and the other sees it.
            cursor.execute(
                "UPDATE metrics_series SET retiring_epoch = NULL WHERE id IN ("
                "  SELECT id FROM metrics_series WHERE fingerprint = ANY(%s)"
                "  ORDER BY fingerprint FOR UPDATE)"
                " RETURNING fingerprint, id",
                [retiring],
            )
            found += cursor.fetchall()
    return {by_fingerprint[bytes(key)]: series_id for key, series_id in found}


def _insert(
    missing: Mapping[bytes, LabelSet], max_per_metric: int | None
) -> dict[LabelSet, SeriesRefusal]:
    """Insert series with their metrics and label pairs, leaving alone what others made first.

    Returns:
        The series that were not made, because their metric has too many.
    """
    with connection.cursor() as cursor:
        # Metrics and pairs that are found now must still be there when series point at them.
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [UNUSED_LOCK])
    metrics = _ids_of(
        "metrics_metric",
        ("name",),
        sorted({(label_value(labels, METRIC_NAME),) for labels in missing.values()}),
    )
    pairs = _ids_of(
        "metrics_labelpair",
        ("name", "value"),
        sorted({pair for labels in missing.values() for pair in drop_metric_name(labels)}),
    )
    room = _room_in(list(metrics.values()), max_per_metric)
    rows = []
    refused = {}
    for key, labels in missing.items():
        name = label_value(labels, METRIC_NAME)
        metric_id = metrics[(name,)]
        if room.get(metric_id, 1) < 1:
            refused[labels] = SeriesRefusal(
                f"the metric {name} has {max_per_metric:,} series, as many as a metric may have"
                " (MAX_SERIES_PER_METRIC); look for a label that holds ids"
            )
            continue
        if metric_id in room:
            room[metric_id] -= 1
        rows.append(
            (
                metric_id,
                json.dumps(dict(drop_metric_name(labels))),
                # As text, because PostgreSQL has no arrays of arrays that differ in length.
                "{"
                + ",".join(str(i) for i in sorted(pairs[p] for p in drop_metric_name(labels)))
                + "}",
                key,
            )
        )
    if rows:
        _insert_rows(rows)
    if refused:
        SERIES_REFUSED.labels(reason="metric").inc(len(refused))
    return refused


def _room_in(metric_ids: Sequence[int], max_per_metric: int | None) -> dict[int, int]:
    """Return how many more series metrics may have, which stays so until the transaction ends."""
    with connection.cursor() as cursor:
        # Locked in the order of their names, as everywhere, so that nobody waits in a ring.
        cursor.execute(
            "SELECT id, series_count FROM metrics_metric WHERE id = ANY(%s)"
            " ORDER BY name FOR NO KEY UPDATE",
            [list(metric_ids)],
        )
        counts = cursor.fetchall()
    if max_per_metric is None:
        return {}
    return {metric_id: max_per_metric - count for metric_id, count in counts}


def _insert_rows(rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH made AS (INSERT INTO metrics_series (metric_id, labels, pairs, fingerprint)"
            " SELECT metric_id, labels::jsonb, pairs::int[], fingerprint"
            " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[])"
            " AS new (metric_id, labels, pairs, fingerprint)"
            " ON CONFLICT (fingerprint) DO NOTHING RETURNING metric_id)"
            " UPDATE metrics_metric AS metric SET series_count = series_count + counted.total"
            " FROM (SELECT metric_id, count(*) AS total FROM made GROUP BY metric_id) AS counted"
            " WHERE metric.id = counted.metric_id",
            _columns(rows),
        )


def _ids_of(
    table: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> dict[tuple[str, ...], int]:
    """Return the ids of rows that are told apart by `columns`, after making those that are missing."""
    ids = _select_ids_of(table, columns, rows)
    # Asked first, because each row that an INSERT offers in vain uses up an id.
    missing = [row for row in rows if row not in ids]
    if missing:
        names, arrays = ", ".join(columns), ", ".join(["%s::text[]"] * len(columns))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 (our own names)
                f" ON CONFLICT ({names}) DO NOTHING",
                _columns(missing),
            )
        ids |= _select_ids_of(table, columns, missing)
    return ids


def _select_ids_of(
    table: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> dict[tuple[str, ...], int]:
    if not rows:
        return {}
    names, arrays = ", ".join(columns), ", ".join(["%s::text[]"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {names}, id FROM {table}"  # noqa: S608 (our own names)
            f" JOIN unnest({arrays}) AS wanted ({names}) USING ({names})",
            _columns(rows),
        )
        return {tuple(row[:-1]): row[-1] for row in cursor.fetchall()}


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return the rows of a table as one list a column, which `unnest` makes rows of again."""
    return [list(column) for column in zip(*rows, strict=True)]


def record_metadata(metadata: Mapping[str, Metadata]) -> None:
    """Keep what senders say about metrics that exist; empty statements change nothing.

    What is said of a histogram or summary holds for the metrics of its buckets, sum and count.
    """
    news = {name: said for name, said in metadata.items() if _metadata.get(name) != said}
    rows = sorted(
        (member, said.type.value, said.help, said.unit)
        for name, said in news.items()
        for member in _members(name, said.type)
    )
    if not rows:
        return
    with connection.cursor() as cursor:
        # Only those that change are locked, and in the order of their names, as everywhere: who
        # says the same as before waits for nobody, also in a transaction that has made series.
        cursor.execute(
            "WITH said AS (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
            "                       AS said (name, type, help, unit)),"
            " meant AS (SELECT metric.id,"
            "   coalesce(nullif(said.type, 'unknown'), metric.type) AS type,"
            "   coalesce(nullif(said.help, ''), metric.help) AS help,"
            "   coalesce(nullif(said.unit, ''), metric.unit) AS unit"
            "   FROM metrics_metric AS metric JOIN said USING (name)"
            "   WHERE nullif(said.type, 'unknown') <> metric.type"
            "     OR nullif(said.help, '') <> metric.help OR nullif(said.unit, '') <> metric.unit"
            "   ORDER BY metric.name FOR NO KEY UPDATE OF metric),"
            " changed AS (UPDATE metrics_metric AS metric"
            "   SET type = meant.type, help = meant.help, unit = meant.unit"
            "   FROM meant WHERE metric.id = meant.id)"
            " SELECT metric.name FROM metrics_metric AS metric JOIN said USING (name)",
            _columns(rows),
        )
        existing = {name for (name,) in cursor.fetchall()}
    # What was said before the metric existed must be heard when it is said again.
    heard = {
        name: said
        for name, said in news.items()
        if existing.intersection(_members(name, said.type))
    }
    transaction.on_commit(lambda: _metadata.update(heard))


def _members(name: str, kind: MetricType) -> tuple[str, ...]:
    """Return the metric names under which the series of a metric family are kept."""
    match kind:
        case MetricType.COUNTER:
            # OpenMetrics names a counter's family without the ending of its series.
            return (name, f"{name}_total")
        case MetricType.HISTOGRAM:
            return (name, f"{name}_bucket", f"{name}_sum", f"{name}_count")
        case MetricType.SUMMARY:
            return (name, f"{name}_sum", f"{name}_count")
        case _:
            return (name,)
