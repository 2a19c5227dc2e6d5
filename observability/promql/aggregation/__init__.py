"""Aggregations: series folded into groups, or chosen from them."""

from collections.abc import Iterator

from observability.promql.aggregation import limiting, quantiles, ranking, value_counts
from observability.promql.aggregation.folding import fold
from observability.promql.blocks import VectorBlock
from observability.promql.operands import Operands
from observability.promql.syntax import Aggregation, AggregationOp


def aggregate(aggregation: Aggregation, operands: Operands) -> Iterator[VectorBlock]:
    """Yield what an aggregation gives at each step."""
    match aggregation.op:
        case AggregationOp.TOPK | AggregationOp.BOTTOMK:
            return ranking.rank(aggregation, operands)
        case AggregationOp.LIMITK:
            return limiting.limit_count(aggregation, operands)
        case AggregationOp.LIMIT_RATIO:
            return limiting.limit_ratio(aggregation, operands)
        case AggregationOp.QUANTILE:
            return quantiles.quantile(aggregation, operands)
        case AggregationOp.COUNT_VALUES:
            return value_counts.count_values(aggregation, operands)
        case _:
            return fold(aggregation, operands)


__all__ = ["aggregate"]
