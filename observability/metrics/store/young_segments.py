"""The segments of the last minutes, of which a process keeps the samples in the order of series.

There is one of a metric for each minute that has not been merged yet. Reading an hour of them page
by page takes longer than all else of a query; so they are sorted together, like rows of the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from observability.metrics.store import catalogue
from observability.metrics.store.columns import SeriesColumns
from observability.metrics.store.kept import Kept
from observability.metrics.store.log import LogSamples
from observability.metrics.store.recent import Chunk, RecentSamples
from observability.metrics.store.segment_table import SegmentKey, fetch_whole, with_directories

# Of a metric; of more the pages are read that are needed.
MAX_SAMPLES = 500_000
# Of a process, for all metrics together; a sample takes 24 bytes.
_MAX_KEPT_BYTES = 36_000_000
_SAMPLE_BYTES = 24


@dataclass(frozen=True, slots=True)
class YoungSegment:
    """A segment of a minute: how many samples it has, and from when to when."""

    key: SegmentKey
    sample_count: int
    oldest_ms: int
    newest_ms: int


@dataclass(frozen=True, slots=True)
class _Entry:
    samples: RecentSamples
    size: int


# By metric.
_kept: Kept[int, _Entry] = Kept(_MAX_KEPT_BYTES, lambda entry: entry.size)


def are_kept(segments: Sequence[YoungSegment]) -> bool:
    """Say whether it is worth while, and fits, to keep these segments of a metric."""
    return len(segments) > 1 and sum(one.sample_count for one in segments) <= MAX_SAMPLES


def young_samples(
    metric_id: int, segments: Sequence[YoungSegment], *, seen_at: float
) -> list[Chunk]:
    """Return the samples of all young segments of a metric.

    Args:
        metric_id: The metric.
        segments: All that it has.
        seen_at: A time on the monotonic clock before it was looked which these are.

    Raises:
        SegmentGoneError: One of the segments was merged meanwhile.
    """
    keys = {one.key.id: one.key for one in segments}

    def fetch(ids: NDArray[np.int64]) -> list[tuple[int, LogSamples]]:
        whole = fetch_whole(with_directories([keys[one] for one in ids.tolist()]))
        return [(one, _samples(pages)) for one, pages in whole.items()]

    entry = _kept.get(metric_id)
    samples = RecentSamples() if entry is None else entry.samples
    chunks = samples.of_rows(np.sort(np.array(list(keys), np.int64)), seen_at=seen_at, fetch=fetch)
    _kept.keep({metric_id: _Entry(samples, samples.sample_count * _SAMPLE_BYTES)})
    return chunks


def _samples(pages: Sequence[SeriesColumns]) -> LogSamples:
    return LogSamples(
        series_ids=np.concatenate([np.repeat(page.series_ids, page.counts) for page in pages]),
        timestamps_ms=np.concatenate([page.timestamps_ms for page in pages]),
        values=np.concatenate([page.values for page in pages]),
    )


catalogue.on_forget(_kept.clear)
