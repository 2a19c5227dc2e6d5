"""All samples of a test, for who looks for the reason of a failure."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.rules.unit_tests.storage import TestStorage
from observability.promql import SelectHints
from observability.promql.go_floats import plain
from observability.promql.labels import format_labels


def dump_lines(storage: TestStorage) -> Iterator[str]:
    """Yield each series, and under it its samples with their times in ms."""
    hints = SelectHints(start_ms=-(2**62), end_ms=2**62)
    for block in storage.select((), hints):
        for i, labels in enumerate(block.label_sets):
            part = slice(block.offsets[i], block.offsets[i + 1])
            times, values = block.timestamps_ms[part].tolist(), block.values[part].tolist()
            if not times:
                continue
            yield f"{format_labels(labels)} =>"
            for time_ms, value in zip(times, values, strict=True):
                yield f"{plain(value)} @[{time_ms}]"
