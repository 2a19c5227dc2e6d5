"""Values of queries as CSV, in the form that `import_metrics` reads: a sample a line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Protocol

from observability.metrics.prometheus_api.sample_texts import format_value, time_text
from observability.metrics.terminal.label_columns import label_names, label_texts
from observability.promql.labels import METRIC_NAME, LabelSet
from observability.promql.values import InstantVector, Matrix, Scalar, String, Value


class _Output(Protocol):
    def write(self, text: str, /) -> object: ...


def write_csv(value: Value, output: _Output) -> None:
    """Write a line of column names, then a line a sample; times are Unix seconds."""
    names = label_names(value.label_sets) if isinstance(value, InstantVector | Matrix) else []
    headings = ["metric" if name == METRIC_NAME else name for name in names]
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([*headings, "timestamp", "value"])
    for labels, time_ms, text in _samples(value):
        writer.writerow([*label_texts(labels, names), time_text(time_ms).decode(), text])


def _samples(value: Value) -> Iterator[tuple[LabelSet, int, str]]:
    match value:
        case Scalar(time_ms, number):
            yield (), time_ms, format_value(number)
        case String(time_ms, text):
            yield (), time_ms, text
        case InstantVector() as vector:
            for labels, number in vector.samples():
                yield labels, vector.timestamp_ms, format_value(number)
        case Matrix() as matrix:
            for labels, times, values in matrix.series():
                for time_ms, number in zip(times.tolist(), values.tolist(), strict=True):
                    yield labels, time_ms, format_value(number)
