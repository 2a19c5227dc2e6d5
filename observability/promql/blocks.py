"""Blocks of series on the grid of evaluation steps: what nodes of the tree hand on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from observability.promql.errors import ExecutionError
from observability.promql.labels import LabelSet, drop_metadata

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorBlock:
    """A bounded number of series, each with one value or none at every step.

    Attributes:
        label_sets: One label set a series.
        values: float64, series x steps; meaningless where nothing is present.
        present: bool, series x steps: whether the series has a value at the step.
        drop_name: bool, one a series: whether the metric name goes before the result is
            shown. It stays until then, because `by (__name__)` or `label_replace`
            around the node may still ask for it.
    """

    label_sets: Sequence[LabelSet]
    values: Floats
    present: Bools
    drop_name: Bools

    def __len__(self) -> int:
        return len(self.label_sets)

    def with_values(self, values: Floats, present: Bools | None = None) -> "VectorBlock":
        """Return the same series with new values, which lose them their metric name."""
        return VectorBlock(
            label_sets=self.label_sets,
            values=values,
            present=self.present if present is None else present,
            drop_name=np.ones(len(self), dtype=np.bool_),
        )

    def with_presence(self, present: Bools) -> "VectorBlock":
        """Return the same series and values, present elsewhere."""
        return VectorBlock(
            label_sets=self.label_sets,
            values=self.values,
            present=present,
            drop_name=self.drop_name,
        )

    def take(self, rows: Ints) -> "VectorBlock":
        """Return the series of these rows, in this order."""
        return VectorBlock(
            label_sets=[self.label_sets[row] for row in rows.tolist()],
            values=self.values[rows],
            present=self.present[rows],
            drop_name=self.drop_name[rows],
        )


def offsets_of(counts: NDArray[Any]) -> Ints:
    """Return where each of some runs begins that stand one after the other, and where the last ends."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def one_series(labels: LabelSet, values: Floats, present: Bools | None = None) -> VectorBlock:
    """Return a block of a single series."""
    return VectorBlock(
        label_sets=[labels],
        values=values[np.newaxis, :],
        present=np.ones((1, len(values)), dtype=np.bool_) if present is None else present[None, :],
        drop_name=np.zeros(1, dtype=np.bool_),
    )


def concatenate(blocks: Iterable[VectorBlock], step_count: int) -> VectorBlock:
    """Return all series of `blocks` as one block, without those that are never present."""
    parts = [present_only(block) for block in blocks]
    return VectorBlock(
        label_sets=[labels for part in parts for labels in part.label_sets],
        values=np.concatenate([np.empty((0, step_count)), *(part.values for part in parts)]),
        present=np.concatenate(
            [np.empty((0, step_count), dtype=np.bool_), *(part.present for part in parts)]
        ),
        drop_name=np.concatenate(
            [np.empty(0, dtype=np.bool_), *(part.drop_name for part in parts)]
        ),
    )


def present_only(block: VectorBlock) -> VectorBlock:
    """Return the block without the series that are never present."""
    is_used = block.present.any(axis=1)
    return block if is_used.all() else block.take(np.flatnonzero(is_used))


def merge_same_series(block: VectorBlock) -> VectorBlock:
    """Return the block with series of equal labels made one.

    Raises:
        ExecutionError: Two of them have a value at the same step.
    """
    row_of: dict[tuple[LabelSet, bool], int] = {}
    target = np.empty(len(block), dtype=np.int64)
    for row, key in enumerate(zip(block.label_sets, block.drop_name.tolist(), strict=True)):
        target[row] = row_of.setdefault(key, len(row_of))
    if len(row_of) == len(block):
        return block
    values = np.zeros((len(row_of), block.values.shape[1]))
    present = np.zeros(values.shape, dtype=np.bool_)
    for row, merged in enumerate(target.tolist()):
        here = block.present[row]
        if (present[merged] & here).any():
            raise ExecutionError("vector cannot contain metrics with the same labelset")
        values[merged, here] = block.values[row, here]
        present[merged] |= here
    return VectorBlock(
        label_sets=[labels for labels, _ in row_of],
        values=values,
        present=present,
        drop_name=np.array([drop for _, drop in row_of], dtype=np.bool_),
    )


def settle_names(block: VectorBlock) -> VectorBlock:
    """Return the block as it is shown: names dropped where they must go, equal series merged.

    Raises:
        ExecutionError: Series that differed in their name alone have values at one step.
    """
    label_sets = [
        drop_metadata(labels) if drop else labels
        for labels, drop in zip(block.label_sets, block.drop_name.tolist(), strict=True)
    ]
    return merge_same_series(
        VectorBlock(
            label_sets=label_sets,
            values=block.values,
            present=block.present,
            drop_name=np.zeros(len(block), dtype=np.bool_),
        )
    )


def spread(blocks: Iterable[VectorBlock], step_count: int) -> Iterator[VectorBlock]:
    """Yield blocks of one step as blocks of `step_count` equal steps."""
    for block in blocks:
        shape = (len(block), step_count)
        yield VectorBlock(
            label_sets=block.label_sets,
            values=np.broadcast_to(block.values, shape),
            present=np.broadcast_to(block.present, shape),
            drop_name=block.drop_name,
        )
