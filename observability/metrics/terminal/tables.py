"""Values of queries as tables that people read."""

from __future__ import annotations

from collections.abc import Iterator

from observability.metrics.prometheus_api.sample_texts import format_value
from observability.metrics.terminal.columns import aligned, printable
from observability.metrics.terminal.label_columns import label_names, label_texts
from observability.metrics.terminal.moments import utc_text
from observability.promql.labels import METRIC_NAME, format_metric
from observability.promql.values import InstantVector, Matrix, Scalar, String, Value

_HEADINGS = {METRIC_NAME: "metric"}


def table_lines(value: Value) -> Iterator[str]:
    """Yield a table: a row a series of a vector, a block a series of a matrix."""
    match value:
        case Scalar(_, number):
            yield format_value(number)
        case String(_, text):
            yield text
        case InstantVector() | Matrix() if not value:
            yield "No series."
        case InstantVector() as vector:
            yield from _vector_lines(vector)
        case Matrix() as matrix:
            yield from _matrix_lines(matrix)


def _vector_lines(vector: InstantVector) -> Iterator[str]:
    names = label_names(vector.label_sets)
    rows = [[*(printable(_HEADINGS.get(name, name)) for name in names), "value"]]
    rows += [
        [*map(printable, label_texts(labels, names)), format_value(number)]
        for labels, number in vector.samples()
    ]
    yield from (line.rstrip() for line in aligned(rows))


def _matrix_lines(matrix: Matrix) -> Iterator[str]:
    for number, (labels, times, values) in enumerate(matrix.series()):
        if number:
            yield ""
        yield printable(format_metric(labels))
        rows = [
            [utc_text(time_ms), format_value(value)]
            for time_ms, value in zip(times.tolist(), values.tolist(), strict=True)
        ]
        yield from (f"  {line}" for line in aligned(rows))
