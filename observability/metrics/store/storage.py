"""The store as the query engine sees it: a selector in, blocks of series out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store import log
from observability.metrics.store.log import LogSamples
from observability.metrics.store.selection import SelectedSeries, find_series
from observability.promql.matchers import Matcher
from observability.promql.storage import SelectHints, SeriesBlock

# Bounds what one step of the engine holds in memory.
SERIES_PER_BLOCK = 256


class PostgresStorage:
    """Reads series and samples from PostgreSQL, for `observability.promql.storage.Storage`."""

    def select(self, matchers: Sequence[Matcher], hints: SelectHints) -> Iterator[SeriesBlock]:
        """Yield the samples of all series that satisfy the matchers, in blocks."""
        series = find_series(matchers)
        if not series:
            return
        # In the order of labels, so that blocks hold what aggregations put together.
        series.sort(key=lambda found: found.labels)
        samples = read_samples([found.id for found in series], hints.start_ms, hints.end_ms)
        for start in range(0, len(series), SERIES_PER_BLOCK):
            part = range(start, min(start + SERIES_PER_BLOCK, len(series)))
            yield _block(series, samples, part)


def read_samples(series_ids: Sequence[int], start_ms: int, end_ms: int) -> LogSamples:
    """Return the samples of these series within the range, both ends included.

    Returns:
        Samples by series in the order of `series_ids` (whose places stand in for the
        ids), then by time. Of samples of one series and one time the one with the
        largest bit pattern stays: a rule that does not depend on which came first.
    """
    if not series_ids:
        return LogSamples.none()
    wanted = np.array(series_ids, dtype=np.int64)
    order = np.argsort(wanted, kind="stable")
    sorted_ids = wanted[order]
    parts = [_pick(row, sorted_ids, order, start_ms, end_ms) for row in log.read(start_ms, end_ms)]
    places = np.concatenate([np.empty(0, np.int64), *(part.series_ids for part in parts)])
    times = np.concatenate([np.empty(0, np.int64), *(part.timestamps_ms for part in parts)])
    values = np.concatenate([np.empty(0, np.float64), *(part.values for part in parts)])

    by_place_and_time = np.lexsort((values.view(np.uint64), times, places))
    places, times, values = (
        places[by_place_and_time],
        times[by_place_and_time],
        values[by_place_and_time],
    )
    is_last = np.ones(len(values), dtype=bool)
    is_last[:-1] = (places[1:] != places[:-1]) | (times[1:] != times[:-1])
    return LogSamples(
        series_ids=places[is_last], timestamps_ms=times[is_last], values=values[is_last]
    )


def _pick(
    row: LogSamples,
    sorted_ids: NDArray[np.int64],
    order: NDArray[np.intp],
    start_ms: int,
    end_ms: int,
) -> LogSamples:
    """Return the samples of a row that are asked for, places instead of series ids."""
    at = np.searchsorted(sorted_ids, row.series_ids)
    at[at == len(sorted_ids)] = 0
    chosen = sorted_ids[at] == row.series_ids
    chosen &= (row.timestamps_ms >= start_ms) & (row.timestamps_ms <= end_ms)
    return LogSamples(
        series_ids=order[at[chosen]].astype(np.int64),
        timestamps_ms=row.timestamps_ms[chosen],
        values=row.values[chosen],
    )


def _block(series: Sequence[SelectedSeries], samples: LogSamples, part: range) -> SeriesBlock:
    offsets = np.searchsorted(samples.series_ids, np.arange(part.start, part.stop + 1))
    first, last = offsets[0], offsets[-1]
    return SeriesBlock(
        label_sets=[series[place].labels for place in part],
        offsets=(offsets - first).astype(np.int64),
        timestamps_ms=samples.timestamps_ms[first:last],
        values=samples.values[first:last],
    )
