"""OpenMetrics files, as `promtool tsdb create-blocks-from openmetrics` takes them."""

from __future__ import annotations

import numpy as np

from observability.metrics.importing.chunks import Chunk, after_lines
from observability.metrics.importing.parts import Fault, Rows
from observability.metrics.ingest.exposition_text.exposition import (
    NO_TIMESTAMP,
    Exposition,
    TextFormat,
)
from observability.metrics.ingest.exposition_text.faults import ExpositionError
from observability.metrics.ingest.exposition_text.parsing import parse_lines, without_end
from observability.metrics.ingest.exposition_text.series_key import decode_key

_OPENMETRICS = TextFormat.OPENMETRICS


class OpenMetricsFormat:
    """Reads it; every sample needs a timestamp, and `# EOF` must be the last line."""

    cut = staticmethod(after_lines)
    decode = staticmethod(decode_key)

    def read(self, chunk: Chunk) -> Rows[bytes]:
        """Return the samples of a chunk."""
        faults: list[Fault] = []
        text = chunk.text
        if chunk.is_last:
            try:
                text = without_end(text, chunk.first_line)
            except ExpositionError as error:
                faults.append(Fault(error.line, error.fault))
        expositions = _parse(text, chunk.first_line, faults)
        lines = np.concatenate([e.lines for e in expositions] or [np.empty(0, np.int64)])
        times = np.concatenate(
            [e.times(NO_TIMESTAMP) for e in expositions] or [np.empty(0, np.int64)]
        )
        values = np.concatenate([e.values for e in expositions] or [np.empty(0)])
        has_time = times != NO_TIMESTAMP
        faults += [
            Fault(line, "a sample of a file needs a timestamp, in seconds")
            for line in lines[~has_time].tolist()
        ]
        keys = [key for exposition in expositions for key in exposition.keys]
        return Rows(
            keys=[key for key, is_timed in zip(keys, has_time.tolist(), strict=True) if is_timed],
            lines=lines[has_time],
            timestamps_ms=times[has_time],
            values=values[has_time],
            faults=faults,
            metadata={n: said for e in expositions for n, said in e.metadata.items()},
        )


def _parse(text: bytes, first_line: int, faults: list[Fault]) -> list[Exposition]:
    """Return what the right lines hold; the faults of the others are added."""
    if not text:
        return []
    try:
        return [parse_lines(text, _OPENMETRICS, first_line=first_line)]
    except ExpositionError as error:
        if text.count(b"\n") == 1:
            faults.append(Fault(error.line, error.fault))
            return []
    # Halves, so that many faults cost little more than few.
    middle = text.find(b"\n", len(text) // 2 - 1) + 1
    if middle == len(text):
        middle = text.rfind(b"\n", 0, len(text) - 1) + 1
    next_line = first_line + text.count(b"\n", 0, middle)
    return _parse(text[:middle], first_line, faults) + _parse(text[middle:], next_line, faults)
