"""What a function of PromQL is to the engine, and how plain NumPy functions become one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from observability.promql.blocks import Bools, Floats, VectorBlock
from observability.promql.operands import Operands
from observability.promql.rollups import RollupWindows
from observability.promql.storage import RollupColumn
from observability.promql.syntax import Call
from observability.promql.windows import WindowBlock

VectorFunction: TypeAlias = Callable[[Call, Operands], Iterator[VectorBlock]]
ScalarFunction: TypeAlias = Callable[[Call, Operands], Floats]
WindowKernel: TypeAlias = Callable[..., tuple[Floats, Bools]]


@dataclass(frozen=True, slots=True)
class RollupKernel:
    """How a function does with rollups what its kernel does with samples.

    Attributes:
        columns: What it needs.
        fold: Gets the windows, then the other arguments as scalars.
    """

    columns: frozenset[RollupColumn]
    fold: Callable[..., tuple[Floats, Bools]]


def of_column(column: RollupColumn, kernel: WindowKernel) -> RollupKernel:
    """Return the rollup kernel that takes a column of the buckets as if it were samples."""
    return RollupKernel(
        frozenset({column}), lambda windows, *scalars: kernel(windows.of(column), *scalars)
    )


def each_value(kernel: Callable[..., Floats]) -> VectorFunction:
    """Return the function that applies `kernel` to each value of its first argument.

    The kernel gets the values, series x steps, then the other arguments as scalars.
    """

    def apply(call: Call, operands: Operands) -> Iterator[VectorBlock]:
        scalars = [operands.scalar(arg) for arg in call.args[1:]]
        for block in operands.vector(call.args[0], function=call.function):
            yield block.with_values(kernel(block.values, *scalars))

    return apply


def each_window(
    kernel: WindowKernel,
    *,
    keeps_name: bool = False,
    window_argument: int = 0,
    rollups: RollupKernel | None = None,
) -> VectorFunction:
    """Return the function that applies `kernel` to each window of its range vector.

    The kernel gets a `WindowBlock`, then the other arguments as scalars, and returns
    values and presence, series x steps. Without `rollups` it always gets samples.
    """

    def apply(call: Call, operands: Operands) -> Iterator[VectorBlock]:
        scalars = [operands.scalar(arg) for i, arg in enumerate(call.args) if i != window_argument]
        arg = call.args[window_argument]
        windows: Iterator[WindowBlock | RollupWindows]
        if rollups is None:
            windows = operands.windows(arg, function=call.function)
        else:
            windows = operands.rollup_windows(arg, function=call.function, columns=rollups.columns)
        for window in windows:
            fold = rollups.fold if rollups and isinstance(window, RollupWindows) else kernel
            values, present = fold(window, *scalars)
            drop_name = window.drop_name if keeps_name else np.ones_like(window.drop_name)
            yield VectorBlock(
                label_sets=window.label_sets,
                values=values,
                present=present,
                drop_name=drop_name,
            )

    return apply
