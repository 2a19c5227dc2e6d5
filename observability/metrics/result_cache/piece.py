"""What is kept of a query for some steps that follow each other, as bytes.

Labels are MessagePack in zstd; numbers of samples a series, their places and their values are arrays
compressed by `pcodec`, as in the store. Values keep their bits.
"""

from __future__ import annotations

from typing import Any

import cramjam
import msgspec
import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone

from observability.metrics.result_cache.grid import Grid, Span
from observability.promql import Matrix
from observability.promql.labels import LabelSet

LAYOUT = 1
"""Belongs into the key of a piece: other layouts have other keys."""

_CONFIG = ChunkConfig(compression_level=4)


class Piece(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The value of a query at some steps of a grid.

    Attributes:
        store: Of which store it is (`amendments.Moment`).
        as_of: All transactions with smaller numbers have gone into it.
        first: The number of its first step.
        last: That of its last.
        infos: What is to be said about it.
        labels: The label sets of the series.
        counts: How many steps each has a value at.
        places: At which, counted from `first`; empty when it is all of them.
        values: The values, series by series.
    """

    store: str
    as_of: int
    first: int
    last: int
    infos: tuple[str, ...]
    labels: bytes
    counts: bytes
    places: bytes
    values: bytes

    @property
    def span(self) -> Span:
        """Its steps."""
        return Span(self.first, self.last)

    def matrix(self, grid: Grid) -> Matrix:
        """Return what is kept."""
        label_sets = _labels_decoder.decode(bytes(cramjam.zstd.decompress(self.labels)))
        counts = _decompress(self.counts, np.int64)
        if self.places:
            numbers = self.first + _decompress(self.places, np.int64)
        else:
            numbers = np.tile(np.arange(self.first, self.last + 1), len(label_sets))
        return Matrix(
            label_sets,
            np.append(0, np.cumsum(counts)),
            grid.phase_ms + numbers * grid.step_ms,
            _decompress(self.values, np.float64),
        )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Piece)
_labels_decoder = msgspec.msgpack.Decoder(list[LabelSet])


def make_piece(
    matrix: Matrix, span: Span, grid: Grid, *, store: str, as_of: int, infos: tuple[str, ...]
) -> Piece:
    """Return a piece that holds this value of a query at these steps."""
    is_full = len(matrix.values) == len(matrix) * span.count
    places = (matrix.timestamps_ms - grid.time_of(span.first)) // grid.step_ms
    return Piece(
        store=store,
        as_of=as_of,
        first=span.first,
        last=span.last,
        infos=infos,
        labels=bytes(cramjam.zstd.compress(_encoder.encode(matrix.label_sets), level=1)),
        counts=_compress(np.diff(matrix.offsets)),
        places=b"" if is_full else _compress(places),
        values=_compress(matrix.values),
    )


def encode(piece: Piece) -> bytes:
    """Return a piece as bytes."""
    return _encoder.encode(piece)


def decode(data: bytes | None) -> Piece | None:
    """Return the piece that these bytes are of; None when they are of none."""
    try:
        return None if data is None else _decoder.decode(data)
    except msgspec.MsgspecError:
        return None


def _compress(array: NDArray[Any]) -> bytes:
    return (
        bytes(standalone.simple_compress(np.ascontiguousarray(array), _CONFIG))
        if len(array)
        else b""
    )


def _decompress(data: bytes, kind: type) -> NDArray[Any]:
    return standalone.simple_decompress(data) if data else np.empty(0, kind)
