"""Many selectors read at once: one look at the log and the segments for all of them.

Whoever evaluates many expressions as of about one time, as rules are, reads what they need
together. The samples are held until all are evaluated, so what is read is bounded, and selectors
of more series than that are read by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store import catalogue
from observability.metrics.store.columns import SeriesColumns, places_of, take
from observability.metrics.store.kept import Kept
from observability.metrics.store.selection import kept_table_of, series_of
from observability.metrics.store.series_table import SeriesTable, find_table
from observability.metrics.store.storage import PostgresStorage, Reader
from observability.promql.blocks import offsets_of
from observability.promql.labels import LabelSet
from observability.promql.matchers import Matcher
from observability.promql.storage import Reading, RollupBlock, SelectHints, SeriesBlock

Matchers: TypeAlias = tuple[Matcher, ...]

MAX_SERIES = 20_000
"""How many series are read together at most."""

MAX_SPAN_MS = 2 * 3_600_000
"""How long the time is of which samples are read together; who looks further back, reads alone."""

# After the first, tables are read that have changed since.
_ATTEMPTS = 3
_MAX_KEPT_BYTES = 16_000_000
_BYTES_PER_SERIES = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """The series of a selector in a table.

    Attributes:
        table: The table.
        ids: The series, ascending.
        label_sets: Of each.
    """

    table: SeriesTable
    ids: NDArray[np.int64]
    label_sets: list[LabelSet]


# By the selector's matchers; good for as long as the table is.
_kept: Kept[Matchers, _Chosen] = Kept(
    _MAX_KEPT_BYTES, lambda chosen: _BYTES_PER_SERIES * (len(chosen.ids) + 4)
)


class SamplesReadTogether:
    """A storage that answers from what was read together, and asks the store for all else."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._store = PostgresStorage()
        self._spans: dict[Matchers, tuple[int, int]] = {}
        asked = list(readings)
        oldest_ms = max((reading.end_ms for reading in asked), default=0) - MAX_SPAN_MS
        for reading in asked:
            if reading.start_ms < oldest_ms:
                continue
            start_ms, end_ms = self._spans.get(reading.matchers, (2**62, -(2**62)))
            span = (min(start_ms, reading.start_ms), max(end_ms, reading.end_ms))
            self._spans[reading.matchers] = span
        self._chosen: dict[Matchers, _Chosen] = {}
        self._columns: dict[Matchers, SeriesColumns] = {}
        self._read()

    def select(
        self, matchers: Sequence[Matcher], hints: SelectHints
    ) -> Iterator[SeriesBlock | RollupBlock]:
        """Yield the series that satisfy all matchers, all of them in one block if they were read."""
        key = tuple(matchers)
        start_ms, end_ms = self._spans.get(key, (0, -1))
        if key not in self._columns or hints.start_ms < start_ms or hints.end_ms > end_ms:
            yield from self._store.select(matchers, hints)
            return
        chosen, columns = self._chosen[key], self._columns[key]
        counts = np.zeros(len(chosen.ids), np.int64)
        counts[places_of(chosen.ids, columns.series_ids)] = columns.counts
        yield SeriesBlock(
            label_sets=chosen.label_sets,
            offsets=offsets_of(counts),
            timestamps_ms=columns.timestamps_ms,
            values=columns.values,
        )

    def _read(self) -> None:
        for _ in range(_ATTEMPTS):
            self._choose()
            if self._fetch():
                return
            for table in {one.table.name: one.table for one in self._chosen.values()}.values():
                find_table(table.name)
        self._columns.clear()

    def _choose(self) -> None:
        """Find the series of the selectors in tables that this process keeps; others are left out."""
        self._chosen.clear()
        count = 0
        for matchers in self._spans:
            chosen = _choose(matchers)
            if chosen is not None and count + len(chosen.ids) <= MAX_SERIES:
                self._chosen[matchers] = chosen
                count += len(chosen.ids)

    def _fetch(self) -> bool:
        """Read the samples of what was chosen; False when a table no longer holds."""
        self._columns.clear()
        # Those that look back about as far, so that none is read much farther than it needs.
        by_reach: dict[int, list[Matchers]] = {}
        for matchers in self._chosen:
            start_ms, end_ms = self._spans[matchers]
            by_reach.setdefault((end_ms - start_ms).bit_length() // 2, []).append(matchers)
        return all(self._fetch_one(group) for group in by_reach.values())

    def _fetch_one(self, group: Sequence[Matchers]) -> bool:
        chosen = [self._chosen[matchers] for matchers in group]
        ids = np.unique(np.concatenate([one.ids for one in chosen]))
        if not len(ids):
            return True
        tables = {one.table.name: one.table for one in chosen}
        start_ms = min(self._spans[matchers][0] for matchers in group)
        end_ms = max(self._spans[matchers][1] for matchers in group)
        reader = Reader(
            series_ids=ids,
            metric_ids=sorted(table.metric_id for table in tables.values()),
            start_ms=start_ms,
            end_ms=end_ms,
            tables=tuple(tables.values()),
        )
        if not reader.finds_tables():
            return False
        columns = reader.read(ids)
        for matchers, one in zip(group, chosen, strict=True):
            self._spans[matchers] = (start_ms, end_ms)
            self._columns[matchers] = take(columns, places_of(columns.series_ids, one.ids))
        return True


def _choose(matchers: Matchers) -> _Chosen | None:
    """Return the series of a selector; None when this process keeps no table of its metric."""
    table = kept_table_of(matchers)
    if table is None:
        return None
    kept = _kept.get(matchers)
    if kept is not None and kept.table is table:
        return kept
    series = series_of(table, matchers)
    chosen = _Chosen(
        table,
        np.array([one.id for one in series], np.int64),
        [one.labels for one in series],
    )
    _kept.keep({matchers: chosen})
    return chosen


catalogue.on_forget(_kept.clear)
