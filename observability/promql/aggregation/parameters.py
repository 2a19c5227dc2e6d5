"""The parameter that some aggregations take: a number at each step."""

from dataclasses import dataclass

import numpy as np

from observability.promql.blocks import Floats, Ints
from observability.promql.errors import ExecutionError
from observability.promql.go_floats import shortest
from observability.promql.operands import Operands
from observability.promql.syntax import NO_SPAN, Aggregation, Span

_LEAST, _GREATEST = -(2.0**63), 2.0**63


@dataclass(frozen=True, slots=True)
class Parameter:
    """The values of a parameter, one a step, and where it stands in the query."""

    values: Floats
    span: Span

    @property
    def has_nan(self) -> bool:
        """Whether it is no number at some step."""
        return bool(np.isnan(self.values).any())

    @property
    def least(self) -> float:
        """The least value; NaN where one is NaN."""
        return float(self.values.min(initial=np.inf))

    @property
    def greatest(self) -> float:
        """The greatest value; NaN where one is NaN."""
        return float(self.values.max(initial=-np.inf))


def parameter(aggregation: Aggregation, operands: Operands) -> Parameter:
    """Return the parameter of an aggregation."""
    if aggregation.param is None:
        return Parameter(np.zeros(operands.context.steps.count), NO_SPAN)
    return Parameter(operands.scalar(aggregation.param), aggregation.param.span)


def counts(given: Parameter) -> Ints:
    """Return how many series may stay at each step: 0 where the parameter is less than 1.

    Raises:
        ExecutionError: It is NaN at some step, or no 64-bit integer.
    """
    if given.has_nan:
        raise ExecutionError("Parameter value is NaN")
    if given.greatest < 1:
        return np.zeros(len(given.values), dtype=np.int64)
    if given.least <= _LEAST:
        raise ExecutionError(f"Scalar value {shortest(given.least)} underflows int64")
    if given.greatest >= _GREATEST:
        raise ExecutionError(f"Scalar value {shortest(given.greatest)} overflows int64")
    return np.maximum(given.values.astype(np.int64), 0)
