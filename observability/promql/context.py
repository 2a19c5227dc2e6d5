"""What evaluating a node needs besides the node."""

from dataclasses import dataclass, replace

from observability.promql.annotations import Annotations
from observability.promql.limits import Account
from observability.promql.steps import Steps
from observability.promql.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One query's surroundings; subqueries see the same ones on other steps.

    Attributes:
        steps: The times at which the node is evaluated.
        storage: Where samples come from.
        account: What the query has used so far.
        annotations: Where warnings go.
        lookback_ms: How far an instant selector looks back.
    """

    steps: Steps
    storage: Storage
    account: Account
    annotations: Annotations
    lookback_ms: int

    def on(self, steps: Steps) -> "Context":
        """Return the same surroundings on other steps."""
        return replace(self, steps=steps)
