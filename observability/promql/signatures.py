"""What the functions of PromQL take and give. Source: Prometheus 3, promql/parser/functions.go."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ValueType(StrEnum):
    """What an expression gives at one step, as Prometheus's messages call it."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "instant vector"
    MATRIX = "range vector"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and gives.

    Attributes:
        arguments: The type of each argument; the last holds for all that follow.
        least: How many there must be.
        most: How many there may be; None for any number.
        result: The type of its value.
    """

    arguments: tuple[ValueType, ...]
    least: int
    most: int | None
    result: ValueType


_TYPES = {
    "s": ValueType.SCALAR,
    "t": ValueType.STRING,
    "v": ValueType.VECTOR,
    "m": ValueType.MATRIX,
}


def _signatures(names: str, arguments: str, *, result: str = "v") -> dict[str, Signature]:
    """Return the signatures of functions that take the same.

    Args:
        names: Divided by spaces.
        arguments: A letter each (s scalar, t text, v instant vector, m range vector); after `?`
            stand those that may be missing, a number says how often the last may be there, `*`
            that there is no end to it.
        result: A letter.
    """
    needed, _, optional = arguments.partition("?")
    letters = needed + optional.rstrip("*0123456789")
    counts = optional.lstrip("stvm")
    most: int | None = len(letters)
    if counts:
        most = None if counts == "*" else len(letters) - 1 + int(counts)
    signature = Signature(tuple(_TYPES[c] for c in letters), len(needed), most, _TYPES[result])
    return dict.fromkeys(names.split(), signature)


SIGNATURES: Mapping[str, Signature] = {
    **_signatures(
        "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg"
        " histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn"
        " sin sinh sort sort_desc sqrt start_timestamp tan tanh timestamp",
        "v",
    ),
    **_signatures(
        "absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta"
        " increase irate last_over_time mad_over_time max_over_time min_over_time"
        " present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time"
        " ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time",
        "m",
    ),
    **_signatures(
        "days_in_month day_of_month day_of_week day_of_year hour minute month year", "?v"
    ),
    **_signatures("clamp", "vss"),
    **_signatures("clamp_max clamp_min", "vs"),
    **_signatures("round", "v?s"),
    **_signatures("predict_linear", "ms"),
    **_signatures("quantile_over_time", "sm"),
    **_signatures("double_exponential_smoothing holt_winters", "mss"),
    **_signatures("histogram_quantile", "sv"),
    **_signatures("histogram_quantiles", "vts?s9"),
    **_signatures("histogram_fraction", "ssv"),
    **_signatures("info", "v?v"),
    **_signatures("label_replace", "vtttt"),
    **_signatures("label_join", "vtt?t*"),
    **_signatures("sort_by_label sort_by_label_desc", "v?t*"),
    **_signatures("vector", "s"),
    **_signatures("scalar", "v", result="s"),
    **_signatures("min_of max_of", "ss", result="s"),
    **_signatures("time pi start end step range", "", result="s"),
}
"""By the name of the function."""
