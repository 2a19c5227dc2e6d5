"""What a query took, by node of its syntax tree."""

from collections.abc import Iterator
from dataclasses import dataclass

from observability.promql.syntax import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one node took and gave; parentheses and matrix selectors are nodes too.

    Attributes:
        text: The node as PromQL.
        span: Where it stands in the text of the query.
        kind: What it is: `number`, `string`, `selector`, `range selector`, `subquery`,
            `function`, `aggregation`, `operator`, `sign` or `parentheses`.
        seconds: Time spent in the node and in all inside it.
        own_seconds: Time spent in the node itself; that of reading is the selector's.
        series: Series it gave, those without a value at any step left out; of a range
            selector or subquery, those it cut windows of.
        points: Values it gave, over all series and steps; of a range selector or subquery the
            samples in all windows, those that several share counted in each.
        samples: Samples that the storage gave to it and to all inside it.
        sources: How many of its own came from `samples` and from `rollups`.
        children: What it is made of, in the order of the text; an aggregation's parameter first.
    """

    text: str
    span: Span
    kind: str
    seconds: float
    own_seconds: float
    series: int
    points: int
    samples: int
    sources: dict[str, int]
    children: tuple["Explanation", ...]

    def walk(self) -> Iterator["Explanation"]:
        """Yield the node and all inside it, each before what it is made of."""
        yield self
        for child in self.children:
            yield from child.walk()
