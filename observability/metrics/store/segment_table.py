"""The rows of segments: written, found and fetched page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg2 import Binary
from psycopg2.extras import execute_values

from observability.metrics.store.columns import SeriesColumns, take
from observability.metrics.store.segment import Directory, decode_directory, encode

# What a segment holds at most; a single series may have more samples.
MAX_SERIES = 1024
MAX_SAMPLES = 1_000_000
# Bounds one statement; a segment alone may be larger.
_BYTES_PER_INSERT = 4_000_000


class SegmentGoneError(Exception):
    """A segment was merged into another, or deleted, after its directory was read."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, its end exclusive."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment in the table, known by its directory."""

    id: int
    level: int
    window: Window
    directory: Directory


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
    wanted = [
        (segment, run)
        for segment in segments
        if segment.directory.may_hold(series_ids)
        for run in _runs(segment.directory.pages_of(series_ids))
    ]
    if not wanted:
        return
    ranges = [
        (
            number,
            segment.id,
            segment.level,
            segment.window.start_ms,
            segment.directory.byte_range(run[0])[0],
            segment.directory.byte_range(run[-1])[1],
        )
        for number, (segment, run) in enumerate(wanted)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.number,"
            " substring(segment.data FROM wanted.first + 1 FOR wanted.stop - wanted.first)"
            " FROM unnest(%s::int[], %s::bigint[], %s::smallint[], %s::bigint[], %s::int[], %s::int[])"
            " AS wanted (number, id, level, window_start_ms, first, stop)"
            " JOIN metrics_segment AS segment USING (id, level, window_start_ms)",
            [list(column) for column in zip(*ranges, strict=True)],
        )
        rows = cursor.fetchall()
    if len(rows) < len(ranges):
        raise SegmentGoneError
    for number, data in rows:
        segment, run = wanted[number]
        begin = ranges[number][4]
        for page in run:
            start, stop = segment.directory.byte_range(page)
            yield segment.directory.decode_page(page, bytes(data[start - begin : stop - begin]))


def _runs(pages: NDArray[np.intp]) -> Iterator[range]:
    """Yield ascending page numbers as ranges of neighbours."""
    breaks = np.flatnonzero(np.diff(pages) != 1) + 1
    for run in np.split(pages, breaks):
        if len(run):
            yield range(int(run[0]), int(run[-1]) + 1)


def stored_segment(
    segment_id: int, level: int, start_ms: int, end_ms: int, directory: memoryview
) -> StoredSegment:
    """Return a segment from the columns of its row."""
    return StoredSegment(segment_id, level, Window(start_ms, end_ms), decode_directory(directory))
