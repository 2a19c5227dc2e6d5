"""The rows of segments: written, found and fetched page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg2 import Binary
from psycopg2.extras import execute_values

from observability.metrics.store import catalogue
from observability.metrics.store.assembly import Runs
from observability.metrics.store.columns import SeriesColumns, take
from observability.metrics.store.kept import Kept
from observability.metrics.store.page_table import (
    ByteRange,
    SegmentGoneError,
    fetch_pages,
    fetch_ranges,
)
from observability.metrics.store.paging import Directory, decode_directory
from observability.metrics.store.segment import (
    FoundSeries,
    decode_page,
    decode_runs,
    encode,
    find,
)

# Of a process: about what dashboards of a thousand panels read of an hour, compressed.
_MAX_KEPT_PAGES = 48_000_000
_MAX_KEPT_DIRECTORIES = 16_000_000
# What a segment holds at most; a single series may have more samples.
MAX_SERIES = 1024
MAX_SAMPLES = 1_000_000
# Bounds one statement; a segment alone may be larger.
_BYTES_PER_INSERT = 4_000_000

# All of what a row is found by, so that PostgreSQL looks into one partition alone.
_KEY = {"id": "bigint", "level": "smallint", "window_start_ms": "bigint"}


# Segments never change, and their ids are never used again.
_pages: Kept[tuple[int, int], bytes] = Kept(_MAX_KEPT_PAGES, len)
_directories: Kept[int, Directory] = Kept(
    _MAX_KEPT_DIRECTORIES, lambda directory: directory.kept_bytes
)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, its end exclusive."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class SegmentKey:
    """What the row of a segment is found by."""

    id: int
    level: int
    window: Window


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment in the table, known by its directory."""

    id: int
    level: int
    window: Window
    directory: Directory

    @property
    def key(self) -> tuple[int, int, int]:
        """Return what its row is found by."""
        return (self.id, self.level, self.window.start_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSegment:
    """A segment that is to be written."""

    metric_id: int
    level: int
    window: Window
    columns: SeriesColumns


def cuts(offsets: NDArray[np.int64]) -> Iterator[slice]:
    """Yield which series go together into a segment, from the offsets of their samples."""
    first, series_count = 0, len(offsets) - 1
    while first < series_count:
        last = int(np.searchsorted(offsets, offsets[first] + MAX_SAMPLES, side="right")) - 1
        last = min(max(last, first + 1), first + MAX_SERIES)
        yield slice(first, last)
        first = last


def insert(segments: Iterator[NewSegment]) -> None:
    """Write segments; their partitions must be there."""
    rows: list[tuple[object, ...]] = []
    size = 0
    for segment in segments:
        for cut in cuts(segment.columns.offsets):
            columns = take(segment.columns, np.arange(cut.start, cut.stop))
            encoded = encode(columns)
            rows.append(
                (
                    segment.level,
                    segment.window.start_ms,
                    segment.window.end_ms,
                    segment.metric_id,
                    int(columns.timestamps_ms.min()),
                    int(columns.timestamps_ms.max()),
                    int(columns.series_ids[0]),
                    int(columns.series_ids[-1]),
                    len(columns),
                    len(columns.series_ids),
                    Binary(encoded.directory),
                    Binary(encoded.data),
                )
            )
            size += len(encoded.data) + len(encoded.directory)
            if size > _BYTES_PER_INSERT:
                _insert_rows(rows)
                rows, size = [], 0
    if rows:
        _insert_rows(rows)


def _insert_rows(rows: Sequence[tuple[object, ...]]) -> None:
    with connection.cursor() as cursor:
        execute_values(
            cursor.cursor,
            "INSERT INTO metrics_segment (level, window_start_ms, window_end_ms, metric_id,"
            " min_timestamp_ms, max_timestamp_ms, min_series_id, max_series_id,"
            " sample_count, series_count, directory, data) VALUES %s",
            rows,
            page_size=len(rows),
        )


def delete(segment_ids: Sequence[int]) -> int:
    """Delete segments; return how many were still there."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metrics_segment WHERE id = ANY(%s)", [list(segment_ids)])
        deleted: int = cursor.rowcount
    return deleted


def fetch(
    segments: Sequence[StoredSegment], series_ids: NDArray[np.int64]
) -> Iterator[SeriesColumns]:
    """Yield the pages that hold samples of some series (ascending ids), in no order.

    Raises:
        SegmentGoneError: One of the segments is there no more.
    """
    for segment, page, data in fetch_pages("metrics_segment", _KEY, segments, series_ids):
        yield decode_page(segment.directory, page, data)


def fetch_whole(segments: Sequence[StoredSegment]) -> dict[int, list[SeriesColumns]]:
    """Return all pages of segments, by the segment's id.

    Raises:
        SegmentGoneError: One of the segments is there no more.
    """
    ids = np.unique(np.concatenate([segment.directory.series_ids for segment in segments]))
    found: dict[int, list[SeriesColumns]] = {segment.id: [] for segment in segments}
    for segment, page, data in fetch_pages("metrics_segment", _KEY, segments, ids):
        found[segment.id].append(decode_page(segment.directory, page, data))
    return found


def with_directories(keys: Sequence[SegmentKey]) -> list[StoredSegment]:
    """Return segments with their directories, of which those in use are at hand.

    Raises:
        SegmentGoneError: One of the segments is there no more.
    """
    known = _directories.get_all(key.id for key in keys)
    missing = [key for key in keys if key.id not in known]
    if missing:
        found = _fetch_directories(missing)
        _directories.keep(found)
        known |= found
    return [StoredSegment(key.id, key.level, key.window, known[key.id]) for key in keys]


def _fetch_directories(keys: Sequence[SegmentKey]) -> dict[int, Directory]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, directory"
            " FROM unnest(%s::bigint[], %s::smallint[], %s::bigint[])"
            "   AS wanted (id, level, window_start_ms)"
            " JOIN metrics_segment USING (id, level, window_start_ms)",
            [
                [key.id for key in keys],
                [key.level for key in keys],
                [key.window.start_ms for key in keys],
            ],
        )
        found = {segment_id: decode_directory(data) for segment_id, data in cursor.fetchall()}
    if len(found) < len(keys):
        raise SegmentGoneError
    return found


@dataclass(frozen=True, slots=True)
class FetchedPages:
    """The bytes of those pages of a segment that hold some series."""

    segment: StoredSegment
    found: FoundSeries
    data: list[bytes]

    def decode(self) -> Iterator[Runs]:
        """Yield the samples of these series."""
        return decode_runs(self.segment.directory, self.found, self.data)


def fetch_found(
    segments: Sequence[StoredSegment], series_ids: NDArray[np.int64]
) -> list[FetchedPages]:
    """Return the pages that hold samples of some series (ascending ids, one at least).

    Raises:
        SegmentGoneError: One of the segments is there no more.
    """
    wanted = [
        (segment, found)
        for segment in segments
        if segment.directory.may_hold(series_ids)
        and len((found := find(segment.directory, series_ids)).rows)
    ]
    known = _pages.get_all(
        (segment.id, page) for segment, found in wanted for page in found.pages.tolist()
    )
    news = _fetch_pages(
        [
            (segment, page)
            for segment, found in wanted
            for page in found.pages.tolist()
            if (segment.id, page) not in known
        ]
    )
    _pages.keep(news)
    known |= news
    return [
        FetchedPages(segment, found, [known[segment.id, page] for page in found.pages.tolist()])
        for segment, found in wanted
    ]


def _fetch_pages(wanted: Sequence[tuple[StoredSegment, int]]) -> dict[tuple[int, int], bytes]:
    """Return the bytes of pages, which come by segment and ascend in it."""
    ranges: list[ByteRange] = []
    members: list[list[tuple[StoredSegment, int]]] = []
    for segment, page in wanted:
        start, stop = segment.directory.byte_range(page)
        if ranges and ranges[-1].key == segment.key and ranges[-1].stop == start:
            ranges[-1] = ByteRange(segment.key, ranges[-1].start, stop)
            members[-1].append((segment, page))
        else:
            ranges.append(ByteRange(segment.key, start, stop))
            members.append([(segment, page)])
    pages = {}
    found = fetch_ranges("metrics_segment", _KEY, ranges) if ranges else []
    for one, data, within in zip(ranges, found, members, strict=True):
        for segment, page in within:
            start, stop = segment.directory.byte_range(page)
            pages[segment.id, page] = data[start - one.start : stop - one.start]
    return pages


def stored_segment(
    segment_id: int, level: int, start_ms: int, end_ms: int, directory: memoryview
) -> StoredSegment:
    """Return a segment from the columns of its row."""
    return StoredSegment(segment_id, level, Window(start_ms, end_ms), decode_directory(directory))


catalogue.on_forget(_pages.clear)
catalogue.on_forget(_directories.clear)
