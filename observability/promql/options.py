"""How one query is to be evaluated, where not as usual."""

from collections.abc import Callable
from dataclasses import dataclass, field

from observability.promql.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOptions:
    """What a caller may ask of the engine beside the query and its times.

    Attributes:
        limits: What the query may read, make and take.
        lookback_ms: How far an instant selector looks back; None or 0 for the engine's own.
        is_canceled: Says whether the caller has gone; asked between blocks.
        with_statistics: Whether samples are counted as Prometheus counts them, for
            `QueryResult.statistics`.
        explain: Whether time and samples are recorded by node, for `QueryResult.explanation`.
    """

    limits: Limits = field(default_factory=Limits)
    lookback_ms: int | None = None
    is_canceled: Callable[[], bool] | None = None
    with_statistics: bool = False
    explain: bool = False


AS_USUAL = QueryOptions()
"""What holds where a caller asks for nothing else."""
