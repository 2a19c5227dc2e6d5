"""`count_values`: how often each value is there, the value as a label."""

from collections.abc import Iterator

import numpy as np

from observability.promql.blocks import Ints, VectorBlock
from observability.promql.errors import ExecutionError
from observability.promql.go_floats import plain
from observability.promql.labels import (
    METRIC_NAME,
    LabelSet,
    drop_labels,
    keep_labels,
    label_set,
    quote,
)
from observability.promql.operands import Operands
from observability.promql.syntax import Aggregation

_ROWS_IN_BLOCK = 256
_NAN_BITS = int(np.array(np.nan).view(np.int64))


def count_values(aggregation: Aggregation, operands: Operands) -> Iterator[VectorBlock]:
    """Yield a series for each value of each group: how many series have it.

    Raises:
        ExecutionError: The label cannot have this name.
    """
    label = _label(aggregation, operands)
    counts = _Counts(aggregation, label, operands.context.steps.count)
    for block in operands.vector(aggregation.expr, function=aggregation.op):
        operands.context.account.check_time()
        operands.context.account.add_points(counts.add(block))
    yield from counts.blocks()


def _label(aggregation: Aggregation, operands: Operands) -> str:
    if aggregation.param is None:
        raise TypeError("count_values has a label's name for a parameter")
    label = operands.string(aggregation.param)
    # A byte that is no UTF-8 came out of the query's text as a lone surrogate.
    if not label or any("\ud800" <= character <= "\udfff" for character in label):
        shown = quote(label).encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise ExecutionError(f"invalid label name {shown}")
    return label


class _Counts:
    """How many series have a value, by labels and value."""

    def __init__(self, aggregation: Aggregation, label: str, step_count: int) -> None:
        self._without = aggregation.without
        self._names = frozenset(aggregation.grouping)
        self._label = label
        # `without` may name the very label that gets the value.
        self._shows_value = not (aggregation.without and label in self._names)
        self._step_count = step_count
        self._rows: dict[tuple[LabelSet, int], int] = {}
        self._counts = np.zeros((0, step_count))

    def add(self, block: VectorBlock) -> int:
        """Count the values of a block; return how many points that made."""
        rows, steps = np.nonzero(block.present)
        if not rows.size:
            return 0
        values = block.values[rows, steps]
        bits = np.where(np.isnan(values), _NAN_BITS, np.ascontiguousarray(values).view(np.int64))
        if not self._shows_value:
            bits = np.zeros_like(bits)
        distinct, value = np.unique(bits, return_inverse=True)
        keys, cell = np.unique(rows * len(distinct) + value, return_inverse=True)
        targets = self._targets(block, keys, distinct)
        before = len(self._counts)
        more = np.zeros((len(self._rows) - before, self._step_count))
        self._counts = np.concatenate([self._counts, more])
        np.add.at(self._counts, (targets[cell], steps), 1.0)
        return int(more.size)

    def _targets(self, block: VectorBlock, keys: Ints, distinct: Ints) -> Ints:
        """Return the row of each pair of series and value."""
        kept = [self._kept(labels) for labels in block.label_sets]
        return np.array(
            [
                self._rows.setdefault((kept[row], bits), len(self._rows))
                for row, bits in zip(
                    (keys // len(distinct)).tolist(),
                    distinct[keys % len(distinct)].tolist(),
                    strict=True,
                )
            ],
            dtype=np.int64,
        )

    def _kept(self, labels: LabelSet) -> LabelSet:
        if self._without:
            return drop_labels(labels, self._names | {METRIC_NAME, self._label})
        return keep_labels(labels, self._names - {self._label})

    def blocks(self) -> Iterator[VectorBlock]:
        """Yield what was counted."""
        keys = list(self._rows)
        for start in range(0, len(keys), _ROWS_IN_BLOCK):
            counts = self._counts[start : start + _ROWS_IN_BLOCK]
            yield VectorBlock(
                label_sets=[self._labelled(*key) for key in keys[start : start + _ROWS_IN_BLOCK]],
                values=counts,
                present=counts > 0,
                drop_name=np.zeros(len(counts), dtype=np.bool_),
            )

    def _labelled(self, labels: LabelSet, bits: int) -> LabelSet:
        if not self._shows_value:
            return labels
        value = float(np.array(bits, dtype=np.int64).view(np.float64))
        return label_set({**dict(labels), self._label: plain(value)})
