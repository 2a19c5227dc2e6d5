"""Subqueries: an instant vector evaluated on steps of its own, taken as samples."""

from collections.abc import Iterable, Iterator

import numpy as np

from observability.promql.blocks import (
    Ints,
    VectorBlock,
    concatenate,
    merge_same_series,
    offsets_of,
)
from observability.promql.context import Context
from observability.promql.selection import reference_times
from observability.promql.steps import Steps
from observability.promql.storage import SeriesBlock
from observability.promql.syntax import Subquery
from observability.promql.windows import WindowBlock, cut_windows


def subquery_steps(subquery: Subquery, end_ms: Ints, context: Context) -> Steps:
    """Return the steps inside: multiples of the step that any of the windows can hold.

    They are aligned to the epoch and not to the query, so that neighbouring windows
    share them. The left edge of a window belongs to it only when the context's `edge_ms` is 1.
    """
    step_ms = subquery.step_ms or context.subquery_step_ms
    left_edge = int(end_ms.min()) - subquery.range_ms - context.edge_ms
    start_ms = (left_edge // step_ms + 1) * step_ms
    return Steps(start_ms, int(end_ms.max()), step_ms)


def subquery_end(subquery: Subquery, context: Context) -> Ints:
    """Return the right edge of the subquery's window at each step."""
    return reference_times(subquery.at, subquery.offset_ms, context)


def cut_subquery(
    blocks: Iterable[VectorBlock], subquery: Subquery, steps: Steps, end_ms: Ints, edge_ms: int
) -> Iterator[WindowBlock]:
    """Yield the windows of the series that the inside of a subquery gave."""
    inside = merge_same_series(concatenate(blocks, steps.count))
    yield cut_windows(
        _as_samples(inside, steps.timestamps_ms),
        end_ms=end_ms,
        range_ms=subquery.range_ms,
        edge_ms=edge_ms,
        drop_name=inside.drop_name,
    )


def _as_samples(block: VectorBlock, timestamps_ms: Ints) -> SeriesBlock:
    counts = block.present.sum(axis=1)
    return SeriesBlock(
        label_sets=block.label_sets,
        offsets=offsets_of(counts),
        timestamps_ms=np.broadcast_to(timestamps_ms, block.present.shape)[block.present],
        values=block.values[block.present],
    )
