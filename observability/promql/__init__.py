"""The PromQL query language as a library: parser, engine, storage protocol."""

from observability.promql.engine import Engine
from observability.promql.errors import ParseError, PromQLError
from observability.promql.explanation import Explanation
from observability.promql.limits import Limits
from observability.promql.memory import MemoryStorage
from observability.promql.options import QueryOptions
from observability.promql.parser import parse
from observability.promql.storage import SelectHints, SeriesBlock, Storage
from observability.promql.values import InstantVector, Matrix, QueryResult, Scalar, String

__all__ = [
    "Engine",
    "Explanation",
    "InstantVector",
    "Limits",
    "Matrix",
    "MemoryStorage",
    "ParseError",
    "PromQLError",
    "QueryOptions",
    "QueryResult",
    "Scalar",
    "SelectHints",
    "SeriesBlock",
    "Storage",
    "String",
    "parse",
]
