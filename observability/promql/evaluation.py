"""The engine: evaluates an expression over a storage, instant or range alike."""

from collections.abc import Callable

from observability.promql.limits import Limits
from observability.promql.storage import Storage
from observability.promql.syntax import Expr
from observability.promql.values import QueryResult

LOOKBACK_MS = 300_000
"""How far an instant selector looks back for a sample (Prometheus's default)."""


class Engine:
    """Evaluates PromQL; holds options only, so one object serves any number of threads."""

    def __init__(self, *, lookback_ms: int = LOOKBACK_MS) -> None:
        self.lookback_ms = lookback_ms

    def query(
        self,
        expr: Expr | str,
        *,
        at_ms: int,
        storage: Storage,
        limits: Limits | None = None,
        is_canceled: Callable[[], bool] | None = None,
    ) -> QueryResult:
        """Evaluate `expr` at one time."""
        raise NotImplementedError

    def query_range(
        self,
        expr: Expr | str,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        storage: Storage,
        limits: Limits | None = None,
        is_canceled: Callable[[], bool] | None = None,
    ) -> QueryResult:
        """Evaluate `expr` at each step from `start_ms` to `end_ms`; the value is a `Matrix`."""
        raise NotImplementedError
