"""What a function of PromQL is to the engine, and how plain NumPy functions become one."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

import numpy as np

from observability.promql.blocks import Bools, Floats, VectorBlock
from observability.promql.context import Context
from observability.promql.syntax import Call, Expr
from observability.promql.windows import WindowBlock


class Operands(Protocol):
    """Gives a function its arguments, evaluated at the steps of `context`."""

    @property
    def context(self) -> Context:
        """The surroundings of the call."""
        ...

    def scalar(self, expr: Expr) -> Floats:
        """Return a scalar argument, one value a step."""
        ...

    def string(self, expr: Expr) -> str:
        """Return a string argument."""
        ...

    def vector(self, expr: Expr, *, function: str = "") -> Iterator[VectorBlock]:
        """Yield an instant vector argument."""
        ...

    def windows(self, expr: Expr, *, function: str = "") -> Iterator[WindowBlock]:
        """Yield a range vector argument."""
        ...


VectorFunction: TypeAlias = Callable[[Call, Operands], Iterator[VectorBlock]]
ScalarFunction: TypeAlias = Callable[[Call, Operands], Floats]
WindowKernel: TypeAlias = Callable[..., tuple[Floats, Bools]]


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
    kernel: WindowKernel, *, keeps_name: bool = False, window_argument: int = 0
) -> VectorFunction:
    """Return the function that applies `kernel` to each window of its range vector.

    The kernel gets a `WindowBlock`, then the other arguments as scalars, and returns
    values and presence, series x steps.
    """

    def apply(call: Call, operands: Operands) -> Iterator[VectorBlock]:
        scalars = [operands.scalar(arg) for i, arg in enumerate(call.args) if i != window_argument]
        windows = operands.windows(call.args[window_argument], function=call.function)
        for window in windows:
            values, present = kernel(window, *scalars)
            drop_name = window.drop_name if keeps_name else np.ones_like(window.drop_name)
            yield VectorBlock(
                label_sets=window.label_sets,
                values=values,
                present=present,
                drop_name=drop_name,
            )

    return apply
