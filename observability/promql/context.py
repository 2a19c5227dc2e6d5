"""What evaluating a node needs besides the node."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from observability.promql.annotations import Annotations
from observability.promql.blocks import VectorBlock
from observability.promql.limits import Account
from observability.promql.sample_counts import SampleCounts
from observability.promql.steps import Steps
from observability.promql.storage import Storage

_MISSING_TO_A_POINT = 4
"""Places without a value that count as one point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One query's surroundings; subqueries see the same ones on other steps.

    Attributes:
        steps: The times at which the node is evaluated.
        storage: Where samples come from.
        account: What the query has used so far.
        annotations: Where warnings go.
        lookback_ms: How far an instant selector looks back.
        edge_ms: How far windows reach past their left edge: 1 when it belongs to them, as in
            Prometheus 2, else 0.
        subquery_step_ms: Distance of the steps of subqueries that name none.
        counts: Where the samples at each step are counted; None where nobody asks.
    """

    steps: Steps
    storage: Storage
    account: Account
    annotations: Annotations
    lookback_ms: int
    subquery_step_ms: int
    edge_ms: int = 0
    counts: SampleCounts | None = None

    def counted(self, blocks: Iterable[VectorBlock]) -> Iterator[VectorBlock]:
        """Yield blocks that are held until the query ends, within the limits of what it may hold."""
        for block in blocks:
            self.account.check_time()
            self.account.add_points(points_held(block))
            yield block

    def once(self) -> "Context":
        """Return the same surroundings at the first step, for what is the same at all of them."""
        counts = None if self.counts is None else self.counts.once()
        return replace(self, steps=self.steps.first_only(), counts=counts)

    def inside_subquery(self, steps: Steps) -> "Context":
        """Return the same surroundings on the steps of a subquery, its samples counted apart."""
        counts = None if self.counts is None else SampleCounts(steps)
        return replace(self, steps=steps, counts=counts)


def points_held(block: VectorBlock) -> int:
    """Return for how many points a block counts that is held.

    Prometheus counts what is there. Here the places of what is missing take memory as well,
    which is much more where a subquery has many steps and its series few samples.
    """
    present = int(block.present.sum())
    if present * _MISSING_TO_A_POINT >= int(block.present.size):
        return present
    step_count = int(block.present.shape[1])
    rows = int(block.present.any(axis=1).sum())
    return max(present, rows * step_count // _MISSING_TO_A_POINT)
