"""`histogram_quantile`, `histogram_quantiles`, `histogram_fraction`: on classic histograms.

The functions that only know native histograms give nothing, because no series has any.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from observability.promql import buckets
from observability.promql.annotations import Annotations, Detail
from observability.promql.blocks import Bools, Floats, Ints, VectorBlock, concatenate
from observability.promql.functions.signature import VectorFunction
from observability.promql.go_floats import open_metrics, shortest
from observability.promql.labels import (
    METRIC_NAME,
    LabelSet,
    drop_labels,
    label_set,
    label_value,
    quote,
)
from observability.promql.operands import Operands
from observability.promql.quantile import warn_of_invalid_quantile
from observability.promql.syntax import Call, Expr, Span

_BOUND = "le"
_RAISED = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Histograms:
    """The buckets of classic histograms.

    Attributes:
        label_sets: The labels of each histogram, the metric name included.
        values: float64, buckets x steps: cumulative counts.
        present: bool, buckets x steps.
        rows: The buckets, those of a histogram behind each other by ascending bound.
        starts: Where in `rows` each histogram starts, and the last one ends.
        bounds: The upper bound of each place in `rows`.
    """

    label_sets: list[LabelSet]
    values: Floats
    present: Bools
    rows: Ints
    starts: Ints
    bounds: Floats

    def block(self, values: Floats, present: Bools) -> VectorBlock:
        """Return what was found of each histogram."""
        return VectorBlock(
            label_sets=self.label_sets,
            values=values,
            present=present,
            drop_name=np.ones(len(self.label_sets), dtype=np.bool_),
        )


@dataclass(frozen=True, slots=True)
class _Raised:
    """What is said of histograms whose counts fell from one bucket to the next."""

    least_bound: float
    greatest_bound: float
    greatest_fall: float
    count: int
    first_ms: int
    last_ms: int

    def joined(self, later: Detail) -> Detail:
        """Return what is to be said of both."""
        if not isinstance(later, _Raised):
            return later
        return _Raised(
            min(self.least_bound, later.least_bound),
            max(self.greatest_bound, later.greatest_bound),
            max(self.greatest_fall, later.greatest_fall),
            self.count + later.count,
            min(self.first_ms, later.first_ms),
            max(self.last_ms, later.last_ms),
        )

    def __str__(self) -> str:
        bounds = f"{shortest(self.least_bound)} to {shortest(self.greatest_bound)}"
        return (
            f", from buckets {bounds}, with a max diff of {self.greatest_fall:.2g}, over "
            f"{self.count} samples from {_rfc3339(self.first_ms)} to {_rfc3339(self.last_ms)}"
        )


def _histogram_quantile(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    q, vector = call.args
    qs = _valid_quantiles(q, operands)
    histograms = _histograms(vector, operands)
    yield histograms.block(*_quantiles(qs, histograms, vector.span, operands))


def _histogram_quantiles(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    vector, label, *args = call.args
    name = operands.string(label)
    arguments = [_valid_quantiles(arg, operands) for arg in args]
    histograms = _histograms(vector, operands)
    for qs in arguments:
        block = histograms.block(*_quantiles(qs, histograms, vector.span, operands))
        for q in np.unique(qs).tolist():
            is_here = np.isnan(qs) if math.isnan(q) else qs == q
            label_sets = [
                label_set({**dict(labels), name: open_metrics(q)}) for labels in block.label_sets
            ]
            yield replace(block, label_sets=label_sets, present=block.present & is_here)


def _histogram_fraction(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    lower, upper, vector = call.args
    lowers, uppers = operands.scalar(lower), operands.scalar(upper)
    found = _histograms(vector, operands)
    yield found.block(
        *buckets.fractions(
            lowers, uppers, found.values, found.present, found.rows, found.starts, found.bounds
        )
    )


def _of_native_histograms(call: Call, operands: Operands) -> Iterator[VectorBlock]:
    for block in operands.vector(call.args[0], function=call.function):
        yield block.with_values(block.values, np.zeros_like(block.present))


def _valid_quantiles(arg: Expr, operands: Operands) -> Floats:
    """Return the quantiles asked for, with a warning for each that is none."""
    qs = operands.scalar(arg)
    for q in np.unique(qs).tolist():
        warn_of_invalid_quantile(q, arg.span, operands.context.annotations)
    return qs


def _quantiles(
    qs: Floats, histograms: _Histograms, span: Span, operands: Operands
) -> tuple[Floats, Bools]:
    values, present, lowest, highest, falls = buckets.quantiles(
        qs,
        histograms.values,
        histograms.present,
        histograms.rows,
        histograms.starts,
        histograms.bounds,
    )
    steps_ms = operands.context.steps.timestamps_ms
    for row in np.flatnonzero(falls.any(axis=1)).tolist():
        is_raised = falls[row] > 0
        when_ms = steps_ms[is_raised]
        operands.context.annotations.inform(
            _RAISED + _for_metric(histograms.label_sets[row]),
            span,
            _Raised(
                float(lowest[row, is_raised].min()),
                float(highest[row, is_raised].max()),
                float(falls[row].max()),
                int(is_raised.sum()),
                int(when_ms[0]),
                int(when_ms[-1]),
            ),
        )
    return values, present


def _histograms(vector: Expr, operands: Operands) -> _Histograms:
    """Return the histograms that the series of a vector are buckets of."""
    context = operands.context
    blocks = context.counted(operands.vector(vector))
    whole = concatenate(blocks, context.steps.count)
    numbers: dict[LabelSet, int] = {}
    found: list[tuple[int, float, int]] = []
    for row, labels in enumerate(whole.label_sets):
        text = label_value(labels, _BOUND)
        bound = _bound(text)
        if bound is None:
            _warn_of_bound(text, labels, vector.span, context.annotations)
            continue
        histogram = numbers.setdefault(drop_labels(labels, (_BOUND,)), len(numbers))
        found.append((histogram, bound, row))
    found.sort()
    histogram_of = np.array([histogram for histogram, _, _ in found], dtype=np.int64)
    return _Histograms(
        label_sets=list(numbers),
        values=whole.values,
        present=whole.present,
        rows=np.array([row for _, _, row in found], dtype=np.int64),
        starts=np.searchsorted(histogram_of, np.arange(len(numbers) + 1)),
        bounds=np.array([bound for _, bound, _ in found], dtype=np.float64),
    )


def _bound(text: str) -> float | None:
    """Return the upper bound that a label's value says, None when it is no number."""
    if text.strip() != text or "_" in text:
        return None
    try:
        bound = float(text)
    except ValueError:
        return None
    is_too_large = math.isinf(bound) and "inf" not in text.lower()
    return None if is_too_large else bound


def _warn_of_bound(text: str, labels: LabelSet, span: Span, annotations: Annotations) -> None:
    annotations.warn(
        f"bucket label {quote(_BOUND)} is missing or has a malformed value of {quote(text)}"
        + _for_metric(labels),
        span,
    )


def _for_metric(labels: LabelSet) -> str:
    name = label_value(labels, METRIC_NAME)
    return f" for metric name {quote(name)}" if name else ""


def _rfc3339(timestamp_ms: int) -> str:
    # Go divides towards zero.
    seconds = int(timestamp_ms / 1000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


FUNCTIONS: dict[str, VectorFunction] = {
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    "histogram_fraction": _histogram_fraction,
    "histogram_avg": _of_native_histograms,
    "histogram_count": _of_native_histograms,
    "histogram_stddev": _of_native_histograms,
    "histogram_stdvar": _of_native_histograms,
    "histogram_sum": _of_native_histograms,
}
