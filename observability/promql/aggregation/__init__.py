"""Aggregations: series folded into groups, one block after the other."""

from observability.promql.aggregation.folding import aggregate

__all__ = ["aggregate"]
