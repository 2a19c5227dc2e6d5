"""Selectors: what they read from the storage, cut to steps and windows."""

from collections.abc import Iterator

import numpy as np

from observability.promql.blocks import Ints, VectorBlock
from observability.promql.boundaries import (
    check_function,
    cut_bounded_windows,
    smoothed_instant,
    with_edges_as_samples,
)
from observability.promql.context import Context
from observability.promql.rollups import (
    INSTANT_COLUMNS,
    RollupWindows,
    cut_rollup_windows,
    select_instant_from_rollups,
)
from observability.promql.staleness import InstantSelection, select_instant
from observability.promql.storage import (
    RollupBlock,
    RollupColumn,
    SelectHints,
    SeriesBlock,
    split,
)
from observability.promql.syntax import AtBound, Boundary, MatrixSelector, VectorSelector
from observability.promql.windows import WindowBlock, cut_windows

CELLS_IN_BLOCK = 2**18
"""Series x steps that are worked on at once, however many series the storage gives."""


def reference_times(at: int | AtBound | None, offset_ms: int, context: Context) -> Ints:
    """Return the time that a selector looks from at each step: `@` first, then `offset`."""
    steps_ms = context.steps.timestamps_ms
    if at is None:
        return steps_ms - offset_ms
    if isinstance(at, AtBound):
        raise TypeError(f"{at} has not been replaced by a time")
    return np.full(len(steps_ms), at - offset_ms, dtype=np.int64)


def select_vector(
    selector: VectorSelector, context: Context, function: str
) -> Iterator[VectorBlock]:
    """Yield the newest sample of each selected series at each step, or a smoothed selector's value."""
    if selector.boundary is Boundary.SMOOTHED:
        chosen_samples = _select_smoothed(selector, context, function)
    else:
        chosen_samples = select_samples(selector, context, function)
    for block, chosen in chosen_samples:
        yield VectorBlock(
            label_sets=block.label_sets,
            values=chosen.values,
            present=chosen.present,
            drop_name=np.zeros(len(block.label_sets), dtype=np.bool_),
        )


def select_samples(
    selector: VectorSelector, context: Context, function: str
) -> Iterator[tuple[SeriesBlock | RollupBlock, InstantSelection]]:
    """Yield the selected series with the sample that each shows at each step."""
    at_ms = reference_times(selector.at, selector.offset_ms, context)
    hints = SelectHints(
        # The window is open on the left: the oldest sample that can be seen is 1 ms younger.
        start_ms=int(at_ms.min()) - context.lookback_ms + 1,
        end_ms=int(at_ms.max()),
        step_ms=context.steps.step_ms,
        function=function,
        rollup_columns=INSTANT_COLUMNS,
    )
    for block in _read(selector, hints, context):
        if isinstance(block, RollupBlock):
            yield (
                block,
                select_instant_from_rollups(block, at_ms, context.lookback_ms, context.annotations),
            )
        else:
            yield block, select_instant(block, at_ms, context.lookback_ms)


def _select_smoothed(
    selector: VectorSelector, context: Context, function: str
) -> Iterator[tuple[SeriesBlock | RollupBlock, InstantSelection]]:
    at_ms = reference_times(selector.at, selector.offset_ms, context)
    hints = SelectHints(
        start_ms=int(at_ms.min()) - context.lookback_ms + 1,
        end_ms=int(at_ms.max()) + context.lookback_ms,
        step_ms=context.steps.step_ms,
        function=function,
    )
    for block in _read_samples(selector, hints, context):
        yield block, smoothed_instant(block, at_ms, context.lookback_ms)


def select_windows(
    matrix: MatrixSelector, context: Context, function: str
) -> Iterator[WindowBlock]:
    """Yield the windows of each selected series."""
    if matrix.selector.boundary is not None:
        yield from _select_bounded_windows(matrix, matrix.selector.boundary, context, function)
        return
    for window in select_rollup_windows(matrix, context, function, None):
        if isinstance(window, RollupWindows):
            raise TypeError("the storage gave rollups where samples are needed")
        yield window


def _select_bounded_windows(
    matrix: MatrixSelector, boundary: Boundary, context: Context, function: str
) -> Iterator[WindowBlock]:
    check_function(boundary, function)
    selector = matrix.selector
    end_ms = reference_times(selector.at, selector.offset_ms, context)
    later_ms = context.lookback_ms if boundary is Boundary.SMOOTHED else 0
    hints = SelectHints(
        start_ms=int(end_ms.min()) - matrix.range_ms - context.lookback_ms + 1,
        end_ms=int(end_ms.max()) + later_ms,
        step_ms=context.steps.step_ms,
        range_ms=matrix.range_ms,
        function=function,
    )
    for block in _read_samples(selector, hints, context):
        window = cut_bounded_windows(
            block,
            end_ms=end_ms,
            range_ms=matrix.range_ms,
            lookback_ms=context.lookback_ms,
            boundary=boundary,
        )
        yield window if function else with_edges_as_samples(window)


def select_rollup_windows(
    matrix: MatrixSelector,
    context: Context,
    function: str,
    columns: frozenset[RollupColumn] | None,
) -> Iterator[WindowBlock | RollupWindows]:
    """Yield the same, as rollups with these columns where the storage has them."""
    selector = matrix.selector
    end_ms = reference_times(selector.at, selector.offset_ms, context)
    reach_ms = matrix.range_ms + context.edge_ms
    hints = SelectHints(
        start_ms=int(end_ms.min()) - reach_ms + 1,
        end_ms=int(end_ms.max()),
        step_ms=context.steps.step_ms,
        range_ms=reach_ms,
        function=function,
        rollup_columns=columns,
    )
    for block in _read(selector, hints, context):
        if isinstance(block, RollupBlock):
            yield cut_rollup_windows(
                block,
                end_ms=end_ms,
                range_ms=matrix.range_ms,
                annotations=context.annotations,
            )
        else:
            yield cut_windows(
                block, end_ms=end_ms, range_ms=matrix.range_ms, edge_ms=context.edge_ms
            )


def _read_samples(
    selector: VectorSelector, hints: SelectHints, context: Context
) -> Iterator[SeriesBlock]:
    for block in _read(selector, hints, context):
        if isinstance(block, RollupBlock):
            raise TypeError("the storage gave rollups where samples are needed")
        yield block


def _read(
    selector: VectorSelector, hints: SelectHints, context: Context
) -> Iterator[SeriesBlock | RollupBlock]:
    for block in context.storage.select(selector.all_matchers, hints):
        context.account.check_time()
        context.account.add_samples(len(block))
        yield from split(block, max(1, CELLS_IN_BLOCK // context.steps.count))
