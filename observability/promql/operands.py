"""What a function or an aggregation gets its arguments from."""

from collections.abc import Iterator
from typing import Protocol

from observability.promql.blocks import Floats, VectorBlock
from observability.promql.context import Context
from observability.promql.rollups import RollupWindows
from observability.promql.storage import RollupColumn
from observability.promql.syntax import Expr
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

    def rollup_windows(
        self, expr: Expr, *, columns: frozenset[RollupColumn], function: str = ""
    ) -> Iterator[WindowBlock | RollupWindows]:
        """Yield a range vector argument, as rollups with these columns where that is as good."""
        ...
