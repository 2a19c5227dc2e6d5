"""The codec of everything columnar: arrays series by series, compressed in pages read one by one.

A page holds what neighbouring series have, each column compressed by `pcodec`. Series that were
sampled at the same times, as all series of one scrape are, have some columns in common: these
are kept once for all of them, as a vector. The directory says which series there are and
where each page lies, so that one series costs the reading of one page.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, DeltaSpec, standalone

from observability.metrics.store.columns import places_of
from observability.promql.blocks import offsets_of

# Version of the layout, series a page, then the bytes of the directory's first three arrays.
_HEADER = struct.Struct("<BHIII")
_VERSION = 1
# Trying every way to encode takes three times as long and pays for long arrays only. Short
# ones are those of segments that soon are merged, of late samples, and of directories.
_THOROUGH = ChunkConfig()
_QUICK = ChunkConfig(delta_spec=DeltaSpec.try_consecutive(1))
_QUICK_BELOW = 4096
# Smaller pages compress worse; larger ones cost more to those who want one of their series.
_ROWS_PER_PAGE = 16_384
_MIN_SERIES_PER_PAGE = 8
_MAX_SERIES_PER_PAGE = 1024

Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Encoded:
    """The two columns of a table's row."""

    directory: bytes
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of several series, one series after the other; every series has a row at least.

    The rows of series `i` are `[offsets[i]:offsets[i + 1]]` of every column.

    Attributes:
        series_ids: int64, ascending.
        offsets: int64, one more than there are series, from 0 to the number of rows.
        shared: Columns that many series have in common; one at least.
        own: Columns that are each series' own.
    """

    series_ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    shared: Sequence[Column]
    own: Sequence[Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The rows of a page; `columns` has those that were asked for, by their numbers."""

    series_ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    columns: dict[int, Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """What is held, and where.

    Attributes:
        series_ids: int64, ascending.
        counts: int64, the rows of each series.
        vectors: int64, the vector of each series; each page begins with a new one.
        offsets: int64, one more than there are series: the rows before each of them.
        vector_lengths: int64, the rows of each vector.
        vector_offsets: int64, one more than there are vectors: the rows before each of them.
        bounds: int64, where in `data` the columns of the pages begin, page after page, and
            the end of the last.
        series_per_page: How many series a page holds; the last may hold fewer.
    """

    series_ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    offsets: NDArray[np.int64]
    vectors: NDArray[np.int64]
    vector_lengths: NDArray[np.int64]
    vector_offsets: NDArray[np.int64]
    bounds: NDArray[np.int64]
    series_per_page: int

    @property
    def kept_bytes(self) -> int:
        """Return about what it takes in memory."""
        arrays = (self.series_ids, self.counts, self.offsets, self.vectors)
        more = (self.vector_lengths, self.vector_offsets, self.bounds)
        return sum(array.nbytes for array in arrays + more)

    @property
    def _width(self) -> int:
        """Return how many columns a page has."""
        pages = -(-len(self.series_ids) // self.series_per_page)
        return (len(self.bounds) - 1) // pages

    def pages_of(self, series_ids: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return the pages that hold any of these series; ids and pages ascend."""
        pages = places_of(self.series_ids, series_ids) // self.series_per_page
        return pages[np.append(True, pages[1:] != pages[:-1])] if len(pages) else pages

    def may_hold(self, series_ids: NDArray[np.int64]) -> bool:
        """Say whether the range of these ascending ids, at least one, meets that of the directory's."""
        return bool(series_ids[0] <= self.series_ids[-1] and self.series_ids[0] <= series_ids[-1])

    def byte_range(self, page: int) -> tuple[int, int]:
        """Return where in `data` a page begins and ends."""
        return int(self.bounds[self._width * page]), int(self.bounds[self._width * (page + 1)])

    def page(
        self,
        page: int,
        data: bytes,
        *,
        shared_count: int,
        wanted: Collection[int] | None = None,
    ) -> Page:
        """Return the rows of a page whose bytes are `data`.

        Args:
            page: Its number.
            data: Its bytes.
            shared_count: How many columns, the first ones, are shared.
            wanted: The numbers of the columns to decode; None means all.
        """
        part = slice(page * self.series_per_page, (page + 1) * self.series_per_page)
        counts = self.counts[part]
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        bounds = self.bounds[self._width * page : self._width * (page + 1) + 1]
        bounds = bounds - bounds[0]
        columns: dict[int, Column] = {}
        for number in range(self._width) if wanted is None else wanted:
            column = _decompress(data, bounds, number)
            if number < shared_count and len(column) < offsets[-1]:
                column = self._share(column, self.vectors[part], counts, offsets)
            columns[number] = column
        return Page(series_ids=self.series_ids[part], offsets=offsets, columns=columns)

    def stored_column(self, page: int, data: bytes, number: int) -> Column:
        """Return a column as it is stored: a shared one has the rows of each vector once."""
        bounds = self.bounds[self._width * page : self._width * (page + 1) + 1]
        return _decompress(data, bounds - bounds[0], number)

    def _share(
        self,
        column: Column,
        vectors: NDArray[np.int64],
        counts: NDArray[np.int64],
        offsets: NDArray[np.int64],
    ) -> Column:
        """Return the rows of every series of a page from the vectors that they share."""
        first, last = int(vectors[0]), int(vectors.max())
        if first == last:
            return np.tile(column, len(counts))
        lengths = self.vector_lengths[first : last + 1]
        starts = (np.cumsum(lengths) - lengths)[vectors - first]
        index = np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])
        shared: Column = column[index]
        return shared


def encode(table: Table) -> Encoded:
    """Return rows, at least one, compressed."""
    series_per_page = _series_per_page(table)
    pages: list[bytes] = []
    vectors: list[NDArray[np.int64]] = []
    vector_lengths: list[int] = []
    for first in range(0, len(table.series_ids), series_per_page):
        offsets = table.offsets[first : first + series_per_page + 1]
        rows = slice(offsets[0], offsets[-1])
        shared = _Vectors([column[rows] for column in table.shared], offsets - offsets[0])
        vectors.append(shared.of_series + len(vector_lengths))
        vector_lengths += shared.lengths
        pages += [_compress(column) for column in shared.columns]
        pages += _compress_own([column[rows] for column in table.own])
    parts = [
        _compress(table.series_ids),
        _compress(np.concatenate(vectors)),
        _compress(np.array(vector_lengths, np.uint32)),
        _compress(np.array([len(page) for page in pages], np.uint32)),
    ]
    header = _HEADER.pack(_VERSION, series_per_page, *(len(part) for part in parts[:3]))
    return Encoded(directory=header + b"".join(parts), data=b"".join(pages))


def series_of(directory: bytes | memoryview) -> NDArray[np.int64]:
    """Return the series (ascending ids) of what `encode` gave, for a quarter of the work of `decode_directory`.

    Raises:
        ValueError: It has a layout that this version does not know.
    """
    directory = bytes(directory)
    _, (length, *_) = _header(directory)
    ids: Column = standalone.simple_decompress(directory[_HEADER.size : _HEADER.size + length])
    return ids.astype(np.int64, copy=False)


def decode_directory(directory: bytes | memoryview) -> Directory:
    """Return the directory of what `encode` gave.

    Raises:
        ValueError: It has a layout that this version does not know.
    """
    directory = bytes(directory)
    series_per_page, lengths = _header(directory)
    parts = []
    start = _HEADER.size
    for length in [*lengths, len(directory)]:
        parts.append(standalone.simple_decompress(directory[start : start + length]))
        start += length
    series_ids, vectors, vector_lengths, page_lengths = (
        part.astype(np.int64, copy=False) for part in parts
    )
    counts = vector_lengths[vectors]
    return Directory(
        series_ids=series_ids,
        counts=counts,
        offsets=offsets_of(counts),
        vectors=vectors,
        vector_lengths=vector_lengths,
        vector_offsets=offsets_of(vector_lengths),
        bounds=offsets_of(page_lengths),
        series_per_page=series_per_page,
    )


def _header(directory: bytes) -> tuple[int, list[int]]:
    """Return how many series a page holds, and the bytes of all arrays but the last."""
    version, series_per_page, *lengths = _HEADER.unpack_from(directory)
    if version != _VERSION:
        raise ValueError(f"segment layout {version} is newer than this portal")
    return series_per_page, lengths


class _Vectors:
    """The distinct vectors of a page's series, in the order of their first series."""

    def __init__(self, columns: Sequence[Column], offsets: NDArray[np.int64]) -> None:
        series_count, length = len(offsets) - 1, int(offsets[1])
        if bool(np.all(np.diff(offsets) == length)) and all(
            np.all(column.reshape(-1, length) == column[:length]) for column in columns
        ):
            self.columns = [column[:length] for column in columns]
            self.of_series = np.zeros(series_count, np.int64)
            self.lengths = [length]
            return
        bounds = list(pairwise(offsets.tolist()))
        numbers: dict[bytes, int] = {}
        self.of_series = np.array(
            [numbers.setdefault(key, len(numbers)) for key in _keys(columns, bounds)], np.int64
        )
        firsts = np.unique(self.of_series, return_index=True)[1].tolist()
        self.lengths = [bounds[first][1] - bounds[first][0] for first in firsts]
        self.columns = [
            np.concatenate([column[slice(*bounds[first])] for first in firsts])
            for column in columns
        ]


def _keys(columns: Sequence[Column], bounds: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """Yield what tells the vector of each series apart from others."""
    data = [(column.tobytes(), column.itemsize) for column in columns]
    for start, end in bounds:
        yield b"".join(part[start * size : end * size] for part, size in data)


def _series_per_page(table: Table) -> int:
    mean = int(table.offsets[-1]) // len(table.series_ids)
    return min(max(_ROWS_PER_PAGE // mean, _MIN_SERIES_PER_PAGE), _MAX_SERIES_PER_PAGE)


def _compress_own(columns: Sequence[Column]) -> Iterator[bytes]:
    """Yield columns compressed; nothing stands for one with the bytes of the column before it."""
    before = None
    for column in columns:
        data = column.tobytes()
        yield b"" if data == before else _compress(column)
        before = data


def _compress(array: Column) -> bytes:
    compressed: bytes = standalone.simple_compress(
        array, _QUICK if len(array) < _QUICK_BELOW else _THOROUGH
    )
    return compressed


def _decompress(data: bytes, bounds: NDArray[np.int64], number: int) -> Column:
    while bounds[number] == bounds[number + 1]:
        number -= 1
    column: Column = standalone.simple_decompress(data[bounds[number] : bounds[number + 1]])
    return column
