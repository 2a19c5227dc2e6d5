"""What a function or an aggregation gets its arguments from."""

from collections.abc import Iterator
from typing import Protocol

from observability.promql.blocks import Floats, VectorBlock
from observability.promql.context import Context
from observability.promql.rollups import RollupWindows
from observability.promql.staleness import InstantSelection
from observability.promql.storage import RollupBlock, RollupColumn, SeriesBlock
from observability.promql.syntax import Expr, VectorSelector
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

    def samples(
        self, selector: VectorSelector, *, function: str
    ) -> Iterator[tuple[SeriesBlock | RollupBlock, InstantSelection]]:
        """Yield the series of a selector with the sample, not only the value, that each shows."""
        ...

    def windows(self, expr: Expr, *, function: str = "") -> Iterator[WindowBlock]:
        """Yield a range vector argument."""
        ...

    def rollup_windows(
        self, expr: Expr, *, columns: frozenset[RollupColumn], function: str = ""
    ) -> Iterator[WindowBlock | RollupWindows]:
        """Yield a range vector argument, as rollups with these columns where that is as good."""
        ...
