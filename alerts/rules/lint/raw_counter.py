"""Counters that are compared as they are, which only ever rise."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.lint.finding import Check, Remark, Subject
from alerts.rules.lint.seen import Seen
from alerts.rules.lint.trees import comparisons, metric_of
from observability.metrics.samples import MetricType
from observability.promql.syntax import Aggregation, AggregationOp, Expr, VectorSelector, unwrap

_KEEP_THE_SCALE = (AggregationOp.SUM, AggregationOp.AVG, AggregationOp.MIN, AggregationOp.MAX)


def _look(subject: Subject, seen: Seen) -> Iterator[Remark]:
    for value, _, _ in comparisons(subject.expr):
        metric = _bare_metric(value)
        if metric and _is_counter(metric, seen):
            yield Remark(
                f"{metric} is a counter and compared as it is, which is true for good once it is",
                f"compare how it grows, such as rate({metric}[5m]) or increase({metric}[1h])",
            )


def _bare_metric(expr: Expr) -> str:
    match unwrap(expr):
        case VectorSelector() as selector:
            return metric_of(selector)
        case Aggregation(op=op, expr=inner) if op in _KEEP_THE_SCALE:
            return _bare_metric(inner)
        case _:
            return ""


def _is_counter(metric: str, seen: Seen) -> bool:
    kind = seen.metric_type(metric)
    return kind is MetricType.COUNTER or (kind is MetricType.UNKNOWN and metric.endswith("_total"))


CHECK = Check(name="raw-counter", look=_look)
