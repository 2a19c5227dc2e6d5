"""Functions of instant vectors in the reference: one sample at a time, or all of a step."""

import math
import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime

from observability.promql.labels import (
    METRIC_NAME,
    LabelSet,
    drop_labels,
    label_set,
    label_value,
)
from observability.promql.matchers import Matcher, MatchOp
from observability.promql.syntax import BinaryOp

from .numbers import larger, number, or_nan, smaller
from .series import RefusedError, Sample, Vector

PI = math.pi


def of_value(name: str, value: float, numbers: list[float]) -> float:
    """Return a function of one value."""
    match name:
        case "abs":
            return abs(value)
        case "ceil" | "floor":
            # Go keeps the sign of zero, infinities and NaN.
            whole = getattr(math, name)
            return math.copysign(whole(value), value) if math.isfinite(value) else value
        case "sgn":
            return value if value == 0 or math.isnan(value) else math.copysign(1, value)
        case "round":
            inverse = number(BinaryOp.DIV, 1.0, numbers[0]) if numbers else 1.0
            return of_value("floor", value * inverse + 0.5, []) / inverse
        case "clamp_min":
            return larger(numbers[0], value)
        case "clamp_max":
            return smaller(numbers[0], value)
        case "rad":
            return value * math.pi / 180
        case "deg":
            return value * 180 / math.pi
        case "ln" | "log2" | "log10":
            if value == 0:
                return -math.inf
            return or_nan({"ln": math.log, "log2": math.log2, "log10": math.log10}[name])(value)
        case "atanh" if abs(value) == 1:
            return math.copysign(math.inf, value)
        case "sinh":
            return math.copysign(or_nan(math.sinh)(abs(value)), value)
        case _:
            return or_nan(getattr(math, name))(value)


DATES: dict[str, Callable[[datetime], int]] = {
    "minute": lambda date: date.minute,
    "hour": lambda date: date.hour,
    "day_of_week": lambda date: date.isoweekday() % 7,
    "day_of_month": lambda date: date.day,
    "day_of_year": lambda date: date.timetuple().tm_yday,
    "days_in_month": lambda date: monthrange(date.year, date.month)[1],
    "month": lambda date: date.month,
    "year": lambda date: date.year,
}


def of_date(name: str, seconds: float) -> float:
    """Return a part of a time, which has to be one that Python knows."""
    return float(DATES[name](datetime.fromtimestamp(math.trunc(seconds), UTC)))


def label_replace(vector: Vector, target: str, template: str, source: str, pattern: str) -> Vector:
    """Return a vector with a label made out of another one; the template knows $1 only."""
    found = []
    for sample in vector:
        match = re.fullmatch(pattern, label_value(sample.labels, source))
        if match is None:
            found.append(sample)
        else:
            value = template.replace("$1", (match[1] or "") if match.re.groups else "")
            found.append(_relabelled(sample, target, value))
    return _distinct(found)


def label_join(vector: Vector, target: str, separator: str, *sources: str) -> Vector:
    """Return a vector with a label made out of several."""
    return _distinct(
        [
            _relabelled(s, target, separator.join(label_value(s.labels, n) for n in sources))
            for s in vector
        ]
    )


def _distinct(vector: Vector) -> Vector:
    if len({sample.labels for sample in vector}) < len(vector):
        raise RefusedError("same labelset")
    return vector


def _relabelled(sample: Sample, target: str, value: str) -> Sample:
    labels = label_set({**dict(sample.labels), target: value})
    return Sample(labels, sample.value, sample.drop_name and target != METRIC_NAME)


def pinned_labels(matchers: tuple[Matcher, ...]) -> LabelSet:
    """Return the labels of `absent`: what a matcher sets equal, and no later one is about."""
    found: dict[str, str] = {}
    for place, matcher in enumerate(matchers):
        before = [earlier for earlier in matchers[:place] if earlier.name == matcher.name]
        is_first = not any(earlier.op is MatchOp.EQUAL for earlier in before)
        if matcher.op is MatchOp.EQUAL and is_first:
            found[matcher.name] = matcher.value
        else:
            found.pop(matcher.name, None)
    found.pop(METRIC_NAME, None)
    return label_set(found)


def in_order(name: str, vector: Vector) -> Vector:
    """Return a vector by its values, NaN last; what is equal stays as it is."""
    sign = 1 if name == "sort" else -1
    return sorted(
        vector, key=lambda s: (math.isnan(s.value), 0 if math.isnan(s.value) else sign * s.value)
    )


def scalar(vector: Vector) -> float:
    """Return the only value of a vector."""
    return vector[0].value if len(vector) == 1 else math.nan


def histograms(vector: Vector) -> dict[LabelSet, dict[float, float]]:
    """Return the cumulative counts of each histogram by upper bound."""
    found: dict[LabelSet, dict[float, float]] = {}
    for sample in vector:
        try:
            bound = float(label_value(sample.labels, "le"))
        except ValueError:
            continue
        buckets = found.setdefault(drop_labels(sample.labels, ("le",)), {})
        buckets[bound] = buckets.get(bound, 0.0) + sample.value
    return found


def histogram_quantile(q: float, buckets: dict[float, float]) -> float:
    """Return a quantile of one histogram."""
    if not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    bounds = sorted(buckets)
    if bounds[-1] != math.inf or len(bounds) < 2:
        return math.nan
    counts: list[float] = []
    for bound in bounds:
        count = buckets[bound]
        counts.append(max(count, counts[-1]) if counts and count < counts[-1] else count)
    if counts[-1] == 0:
        return math.nan
    rank = q * counts[-1]
    at = next((i for i, c in enumerate(counts[:-1]) if c >= rank), len(counts) - 1)
    if at == len(counts) - 1:
        return bounds[-2]
    if at == 0 and bounds[0] <= 0:
        return bounds[0]
    low, before = (bounds[at - 1], counts[at - 1]) if at else (0.0, 0.0)
    share = number(BinaryOp.DIV, rank - before, counts[at] - before)
    return low + (bounds[at] - low) * share


def histogram_fraction(lower: float, upper: float, buckets: dict[float, float]) -> float:
    """Return the share of one histogram's observations between two values."""
    bounds = sorted(buckets)
    total = buckets[bounds[-1]]
    if bounds[-1] != math.inf or total == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    below_upper, below_lower = (_below(x, bounds, buckets) for x in (upper, lower))
    return (min(below_upper, total) - min(below_lower, total)) / total


def _below(value: float, bounds: list[float], buckets: dict[float, float]) -> float:
    """Return how many observations are taken to be less than a value."""
    if value == -math.inf:
        return 0.0
    low, before = (0.0 if bounds[0] > 0 else -math.inf), 0.0
    for bound in bounds:
        if value <= low:
            return before
        if value < bound:
            if low == -math.inf:
                return buckets[bound]
            return before + (buckets[bound] - before) * (value - low) / (bound - low)
        low, before = bound, buckets[bound]
    return math.inf
