"""The codec of segments: samples series by series, compressed in pages that are read one by one.

A page holds the samples of neighbouring series as two arrays compressed by `pcodec`:
timestamps and values. Series that were sampled at the same times, as all series of one
scrape are, share one vector of timestamps. The directory says which series there are and
where each page lies, so that one series costs the reading of one page.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, DeltaSpec, standalone

from observability.metrics.store.columns import SeriesColumns, places_of

# Version of the layout, series a page, then the bytes of the directory's first three arrays.
_HEADER = struct.Struct("<BHIII")
_VERSION = 1
# Trying every way to encode takes three times as long and pays for long arrays only. Short
# ones are those of segments that soon are merged, of late samples, and of directories.
_THOROUGH = ChunkConfig()
_QUICK = ChunkConfig(delta_spec=DeltaSpec.try_consecutive(1))
_QUICK_BELOW = 4096
# Smaller pages compress worse; larger ones cost more to those who want one of their series.
_SAMPLES_PER_PAGE = 16_384
_MIN_SERIES_PER_PAGE = 8
_MAX_SERIES_PER_PAGE = 256


@dataclass(frozen=True, slots=True)
class EncodedSegment:
    """The two columns of a segment's row."""

    directory: bytes
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """What a segment holds, and where.

    Attributes:
        series_ids: int64, ascending.
        counts: int64, the samples of each series.
        vectors: int64, the timestamp vector of each series; each page begins with a new one.
        vector_lengths: int64, the timestamps of each vector.
        bounds: int64, where in `data` timestamps and values of the pages begin, in turn, and
            the end of the last.
        series_per_page: How many series a page holds; the last may hold fewer.
    """

    series_ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    vectors: NDArray[np.int64]
    vector_lengths: NDArray[np.int64]
    bounds: NDArray[np.int64]
    series_per_page: int

    def pages_of(self, series_ids: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return the pages that hold any of these series; ids and pages ascend."""
        pages = places_of(self.series_ids, series_ids) // self.series_per_page
        return pages[np.append(True, pages[1:] != pages[:-1])] if len(pages) else pages

    def may_hold(self, series_ids: NDArray[np.int64]) -> bool:
        """Say whether the range of these ascending ids, at least one, meets that of the segment's."""
        return bool(series_ids[0] <= self.series_ids[-1] and self.series_ids[0] <= series_ids[-1])

    def byte_range(self, page: int) -> tuple[int, int]:
        """Return where in `data` a page begins and ends."""
        return int(self.bounds[2 * page]), int(self.bounds[2 * page + 2])

    def decode_page(self, page: int, data: bytes) -> SeriesColumns:
        """Return the samples of a page whose bytes are `data`."""
        part = slice(page * self.series_per_page, (page + 1) * self.series_per_page)
        counts = self.counts[part]
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        cut = int(self.bounds[2 * page + 1] - self.bounds[2 * page])
        timestamps_ms = standalone.simple_decompress(data[:cut])
        if len(timestamps_ms) < offsets[-1]:
            timestamps_ms = self._share(timestamps_ms, self.vectors[part], counts, offsets)
        return SeriesColumns(
            series_ids=self.series_ids[part],
            offsets=offsets,
            timestamps_ms=timestamps_ms,
            values=standalone.simple_decompress(data[cut:]),
        )

    def _share(
        self,
        timestamps_ms: NDArray[np.int64],
        vectors: NDArray[np.int64],
        counts: NDArray[np.int64],
        offsets: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Return the timestamps of every series of a page from the vectors that they share."""
        first, last = int(vectors[0]), int(vectors.max())
        if first == last:
            return np.tile(timestamps_ms, len(counts))
        lengths = self.vector_lengths[first : last + 1]
        starts = (np.cumsum(lengths) - lengths)[vectors - first]
        index = np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])
        shared: NDArray[np.int64] = timestamps_ms[index]
        return shared


def encode(columns: SeriesColumns) -> EncodedSegment:
    """Return samples, at least one, as a segment."""
    series_per_page = _series_per_page(columns)
    pages: list[bytes] = []
    vectors: list[NDArray[np.int64]] = []
    vector_lengths: list[int] = []
    for first in range(0, len(columns.series_ids), series_per_page):
        offsets = columns.offsets[first : first + series_per_page + 1]
        samples = slice(offsets[0], offsets[-1])
        shared = _Vectors(columns.timestamps_ms[samples], offsets - offsets[0])
        vectors.append(shared.of_series + len(vector_lengths))
        vector_lengths += shared.lengths
        pages += [_compress(shared.timestamps_ms), _compress(columns.values[samples])]
    parts = [
        _compress(columns.series_ids),
        _compress(np.concatenate(vectors)),
        _compress(np.array(vector_lengths, np.uint32)),
        _compress(np.array([len(page) for page in pages], np.uint32)),
    ]
    header = _HEADER.pack(_VERSION, series_per_page, *(len(part) for part in parts[:3]))
    return EncodedSegment(directory=header + b"".join(parts), data=b"".join(pages))


def decode_directory(directory: bytes | memoryview) -> Directory:
    """Return the directory of a segment.

    Raises:
        ValueError: The segment has a layout that this version does not know.
    """
    directory = bytes(directory)
    version, series_per_page, *lengths = _HEADER.unpack_from(directory)
    if version != _VERSION:
        raise ValueError(f"segment layout {version} is newer than this portal")
    parts = []
    start = _HEADER.size
    for length in [*lengths, len(directory)]:
        parts.append(standalone.simple_decompress(directory[start : start + length]))
        start += length
    series_ids, vectors, vector_lengths, page_lengths = (
        part.astype(np.int64, copy=False) for part in parts
    )
    return Directory(
        series_ids=series_ids,
        counts=vector_lengths[vectors],
        vectors=vectors,
        vector_lengths=vector_lengths,
        bounds=np.append(np.zeros(1, np.int64), np.cumsum(page_lengths)),
        series_per_page=series_per_page,
    )


class _Vectors:
    """The distinct timestamp vectors of a page's series, in the order of their first series."""

    def __init__(self, timestamps_ms: NDArray[np.int64], offsets: NDArray[np.int64]) -> None:
        series_count, length = len(offsets) - 1, int(offsets[1])
        has_equal_lengths = bool(np.all(np.diff(offsets) == length))
        if has_equal_lengths and np.all(
            timestamps_ms.reshape(-1, length) == timestamps_ms[:length]
        ):
            self.timestamps_ms = timestamps_ms[:length]
            self.of_series = np.zeros(series_count, np.int64)
            self.lengths = [length]
            return
        data, bounds = timestamps_ms.tobytes(), (offsets * 8).tolist()
        numbers: dict[bytes, int] = {}
        self.of_series = np.array(
            [numbers.setdefault(data[start:end], len(numbers)) for start, end in pairwise(bounds)]
        )
        self.lengths = [len(vector) // 8 for vector in numbers]
        self.timestamps_ms = np.frombuffer(b"".join(numbers), np.int64)


def _series_per_page(columns: SeriesColumns) -> int:
    mean = len(columns) // len(columns.series_ids)
    return min(max(_SAMPLES_PER_PAGE // mean, _MIN_SERIES_PER_PAGE), _MAX_SERIES_PER_PAGE)


def _compress(array: NDArray[np.generic]) -> bytes:
    compressed: bytes = standalone.simple_compress(
        array, _QUICK if len(array) < _QUICK_BELOW else _THOROUGH
    )
    return compressed
