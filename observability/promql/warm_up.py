"""The engine's compiled code, made ready before any query needs it."""

import numpy as np

from observability.promql.engine import Engine
from observability.promql.functions.rate import extrapolated_rate_of_rollups
from observability.promql.memory import MemoryStorage
from observability.promql.rollups import RollupWindows
from observability.promql.storage import RollupColumn

_EXPRESSIONS = (
    "sum by (job) (rate(m_total[2m])) / ignoring (job) group_left sum(m_total)",
    "avg by (job) (increase(m_total[2m])) + stddev(irate(m_total[2m]))",
    "min(delta(m_total[2m])) or max(changes(m_total[2m])) or quantile(0.5, resets(m_total[2m]))",
    "topk(1, avg_over_time(m_total[2m])) or bottomk(1, stddev_over_time(m_total[2m]))",
    "min_over_time(m_total[2m]) or max_over_time(m_total[2m]) or sum_over_time(m_total[4m])",
    "ts_of_max_over_time(m_total[2m])",
    "quantile_over_time(0.5, m_total[2m]) or mad_over_time(m_total[2m])",
    "deriv(m_total[2m]) or predict_linear(m_total[2m], 60)",
    "double_exponential_smoothing(m_total[2m], 0.5, 0.5)",
    "limitk(1, m_total) or limit_ratio(0.5, m_total) or count_values('x', m_total)",
    "histogram_quantile(0.9, h_bucket) or histogram_fraction(0, 1, h_bucket)",
    "max_over_time(rate(m_total[2m])[2m:30s]) or timestamp(m_total)",
    "month(m_total) + hour(m_total)",
)


def warm_up() -> None:
    """Load the compiled code, or compile it when no earlier process has; that takes seconds."""
    storage = MemoryStorage()
    for job in ("a", "b"):
        storage.add(
            {"__name__": "m_total", "job": job},
            ((at * 15_000, float(at % 7)) for at in range(40)),
        )
    for bound in ("1", "+Inf"):
        storage.add({"__name__": "h_bucket", "le": bound}, ((at * 15_000, 1.0) for at in range(40)))
    engine = Engine()
    for expression in _EXPRESSIONS:
        engine.query_range(
            expression, start_ms=240_000, end_ms=480_000, step_ms=30_000, storage=storage
        )
        engine.query(expression, at_ms=480_000, storage=storage)
    one = np.ones(1, np.int64)
    values = dict.fromkeys((RollupColumn.FIRST, RollupColumn.LAST, RollupColumn.LOST), np.ones(1))
    times = dict.fromkeys((RollupColumn.FIRST_MS, RollupColumn.LAST_MS), one)
    windows = RollupWindows(
        label_sets=[()],
        drop_name=np.zeros(1, np.bool_),
        ends_ms=one,
        counts=one,
        columns={**values, **times},
        first=one[np.newaxis] - 1,
        last=one[np.newaxis],
        end_ms=one,
        range_ms=one,
        asked_range_ms=1,
    )
    extrapolated_rate_of_rollups(windows, is_counter=True, is_rate=True)
