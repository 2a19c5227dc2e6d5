"""The functions of PromQL, a module for each family, and the registry that names them all."""

from observability.promql.functions import (
    absence,
    clock,
    conversions,
    counting,
    dates,
    histograms,
    info,
    labelling,
    mathematics,
    order_statistics,
    over_time,
    rate,
    regression,
    sample_times,
    smoothing,
    sorting,
)
from observability.promql.functions.signature import ScalarFunction, VectorFunction

VECTOR_FUNCTIONS: dict[str, VectorFunction] = {
    **absence.FUNCTIONS,
    **clock.FUNCTIONS,
    **conversions.FUNCTIONS,
    **counting.FUNCTIONS,
    **dates.FUNCTIONS,
    **histograms.FUNCTIONS,
    **info.FUNCTIONS,
    **labelling.FUNCTIONS,
    **mathematics.FUNCTIONS,
    **order_statistics.FUNCTIONS,
    **over_time.FUNCTIONS,
    **rate.FUNCTIONS,
    **regression.FUNCTIONS,
    **sample_times.FUNCTIONS,
    **smoothing.FUNCTIONS,
    **sorting.FUNCTIONS,
}
"""What gives an instant vector, by name."""

SCALAR_FUNCTIONS: dict[str, ScalarFunction] = {
    **clock.SCALAR_FUNCTIONS,
    **conversions.SCALAR_FUNCTIONS,
    **mathematics.SCALAR_FUNCTIONS,
}
"""What gives a scalar, by name."""

__all__ = ["SCALAR_FUNCTIONS", "VECTOR_FUNCTIONS"]
