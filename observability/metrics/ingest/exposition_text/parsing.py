"""From the bytes of a text of metrics to arrays, without an object for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from observability.metrics.errors import BodyTooLargeError
from observability.metrics.ingest.exposition_text.exposition import (
    NO_TIMESTAMP,
    Exposition,
    TextFormat,
)
from observability.metrics.ingest.exposition_text.faults import (
    ExpositionError,
    check_encoding,
    faulty_line,
)
from observability.metrics.ingest.exposition_text.grammar import OPENMETRICS_LINE, PROMETHEUS_LINE
from observability.metrics.ingest.exposition_text.statements import Statements

# Bounds the memory of a hostile text; a target of Prometheus with as many would be split.
MAX_LINES = 1_000_000

_END = b"# EOF\n"
_LINES = {TextFormat.PROMETHEUS: PROMETHEUS_LINE, TextFormat.OPENMETRICS: OPENMETRICS_LINE}


def parse(text: bytes, text_format: TextFormat, *, first_line: int = 1) -> Exposition:
    """Return what a whole text, or the last part of one, holds.

    Args:
        text: As it came; its last line may lack its end.
        text_format: What it is.
        first_line: The number of the first line, for errors.

    Raises:
        ExpositionError: A line is against the format; names the first.
        BodyTooLargeError: It has more than MAX_LINES lines.
    """
    if not text.endswith(b"\n"):
        text += b"\n"
    if text_format is TextFormat.OPENMETRICS:
        text = without_end(text, first_line)
    return parse_lines(text, text_format, first_line=first_line)


def parse_lines(text: bytes, text_format: TextFormat, *, first_line: int = 1) -> Exposition:
    r"""Return what part of a text holds: whole lines, each with its `\n`, and no `# EOF`.

    Args:
        text: The lines.
        text_format: What they are.
        first_line: The number of the first, for errors.

    Raises:
        ExpositionError: A line is against the format; names the first.
        BodyTooLargeError: There are more than MAX_LINES lines.
    """
    line_count = text.count(b"\n")
    if line_count > MAX_LINES:
        raise BodyTooLargeError(MAX_LINES, what="lines")
    check_encoding(text, first_line=first_line)
    lines = _LINES[text_format].findall(text)
    if len(lines) != line_count:
        raise faulty_line(text, text_format, first_line=first_line)
    statements = Statements(text_format)
    for place, line in enumerate(lines):
        if line[4]:
            statements.add(line[4], line=first_line + place)
    samples = [line for line in lines if line[0]]
    is_sample = np.fromiter((line[0] != b"" for line in lines), np.bool_, len(lines))
    numbers = np.flatnonzero(is_sample) + first_line
    keys, values, timestamps, exemplars = ([row[column] for row in samples] for column in range(4))
    try:
        return Exposition(
            keys=keys,
            lines=numbers,
            values=_values(values),
            timestamps_ms=_timestamps_ms(timestamps, text_format),
            metadata=statements.metadata(),
            retyped=statements.retyped,
            exemplars=_exemplars(exemplars),
        )
    except _OutOfRangeError as error:
        raise ExpositionError(int(numbers[error.place]), str(error)) from error


def _exemplars(texts: Sequence[bytes]) -> dict[int, bytes]:
    if texts.count(b"") == len(texts):
        return {}
    return {place: text for place, text in enumerate(texts) if text}


def without_end(text: bytes, first_line: int) -> bytes:
    """Return an OpenMetrics text, or the last part of one, without its `# EOF`.

    Raises:
        ExpositionError: It does not end so.
    """
    if text == _END or text.endswith(b"\n" + _END):
        return text[: -len(_END)]
    if text.startswith(_END) or b"\n" + _END in text:
        return text  # what is wrong with it is said of the line in which it stands
    raise ExpositionError(
        first_line + text.count(b"\n") - 1,
        "the text does not end with '# EOF', so it may have been cut off",
    )


class _OutOfRangeError(ValueError):
    """A number cannot be kept; `place` says in which sample."""

    def __init__(self, place: int, message: str) -> None:
        self.place = place
        super().__init__(message)


def _values(texts: Sequence[bytes]) -> NDArray[np.float64]:
    values = np.fromiter(map(float, texts), np.float64, len(texts))
    for place in np.flatnonzero(np.isinf(values)).tolist():
        if texts[place].lstrip(b"+-")[:1] not in b"iI":
            raise _OutOfRangeError(
                place, f"the value {_shown(texts[place])} is too large for a 64-bit float"
            )
    return values


def _timestamps_ms(texts: Sequence[bytes], text_format: TextFormat) -> NDArray[np.int64] | None:
    missing = texts.count(b"")
    if missing == len(texts):
        return None
    given: Sequence[Any] = [text or b"0" for text in texts] if missing else texts
    if text_format is TextFormat.PROMETHEUS:
        timestamps_ms = np.fromiter(map(int, given), np.int64, len(given))
    else:
        seconds = np.fromiter(map(float, given), np.float64, len(given))
        for place in np.flatnonzero(~(np.abs(seconds) < 1e12)).tolist():
            raise _OutOfRangeError(
                place,
                f"the timestamp {_shown(texts[place])} is too large; OpenMetrics has it in seconds",
            )
        timestamps_ms = np.round(seconds * 1000).astype(np.int64)
    if missing:
        timestamps_ms[[not text for text in texts]] = NO_TIMESTAMP
    return timestamps_ms


def _shown(text: bytes) -> str:
    return repr(text[:40].decode())
