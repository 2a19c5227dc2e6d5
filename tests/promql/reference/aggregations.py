"""Aggregations of the reference."""

import math
from collections.abc import Callable
from decimal import Decimal

from observability.promql.labels import METRIC_NAME, LabelSet, label_set
from observability.promql.syntax import Aggregation, AggregationOp

from .functions import in_order
from .numbers import extreme, mean, quantile, total, variance
from .series import RefusedError, Sample, Vector

_FOLDS: dict[AggregationOp, Callable[[list[float]], float]] = {
    AggregationOp.SUM: total,
    AggregationOp.AVG: mean,
    AggregationOp.MIN: lambda values: extreme(values, min),
    AggregationOp.MAX: lambda values: extreme(values, max),
    AggregationOp.COUNT: lambda values: float(len(values)),
    AggregationOp.GROUP: lambda values: 1.0,
    AggregationOp.STDVAR: variance,
    AggregationOp.STDDEV: lambda values: math.sqrt(variance(values)),
}


def aggregate(expr: Aggregation, vector: Vector, parameter: float | str) -> Vector:
    """Return what an aggregation makes of a vector."""
    if expr.op is AggregationOp.COUNT_VALUES:
        assert isinstance(parameter, str)
        vector = [
            Sample(label_set({**dict(s.labels), parameter: _text(s.value)}), s.value)
            for s in vector
        ]
        return [
            Sample(labels, float(len(members)))
            for labels, members in _grouped(expr, vector, parameter).items()
        ]
    groups = _grouped(expr, vector, "")
    if expr.op in (AggregationOp.TOPK, AggregationOp.BOTTOMK, AggregationOp.LIMITK):
        assert isinstance(parameter, float)
        count = _count(parameter)
        return [s for members in groups.values() for s in _chosen(expr.op, members)[:count]]
    folded = []
    for labels, members in groups.items():
        values = [sample.value for sample in members]
        if expr.op is AggregationOp.QUANTILE:
            assert isinstance(parameter, float)
            value = quantile(parameter, values)
        else:
            value = _FOLDS[expr.op](values)
        folded.append(Sample(labels, value, any(sample.drop_name for sample in members)))
    return folded


def _grouped(expr: Aggregation, vector: Vector, also: str) -> dict[LabelSet, Vector]:
    """Return the samples of each group, in their order."""
    groups: dict[LabelSet, Vector] = {}
    for sample in vector:
        if expr.without:
            dropped = {*expr.grouping, METRIC_NAME}
            labels = {n: v for n, v in sample.labels if n not in dropped}
        else:
            labels = {n: v for n, v in sample.labels if n in {*expr.grouping, also}}
        groups.setdefault(label_set(labels), []).append(sample)
    return groups


def _count(parameter: float) -> int:
    if math.isnan(parameter):
        raise RefusedError("Parameter value is NaN")
    return max(int(parameter), 0)


def _chosen(op: AggregationOp, members: Vector) -> Vector:
    """Return a group's samples, the best of them first; of equal ones that which came first."""
    if op is AggregationOp.LIMITK:
        return members
    return in_order("sort_desc" if op is AggregationOp.TOPK else "sort", members)


def _text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
