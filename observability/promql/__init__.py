"""The PromQL query language as a library: parser, engine, storage protocol."""

from observability.promql.evaluation import Engine
from observability.promql.limits import Limits
from observability.promql.storage import SelectHints, SeriesBlock, Storage
from observability.promql.values import InstantVector, Matrix, QueryResult, Scalar, String

__all__ = [
    "Engine",
    "InstantVector",
    "Limits",
    "Matrix",
    "QueryResult",
    "Scalar",
    "SelectHints",
    "SeriesBlock",
    "Storage",
    "String",
]
