"""The formats of files, by what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from observability.metrics.importing.chunks import Chunk
from observability.metrics.importing.csv_rows import CsvFormat
from observability.metrics.importing.errors import ImportFailedError
from observability.metrics.importing.json_objects import JsonFormat
from observability.metrics.importing.openmetrics import OpenMetricsFormat
from observability.metrics.importing.parts import Rows


class FileFormat(StrEnum):
    """What a file holds."""

    OPENMETRICS = "openmetrics"
    CSV = "csv"
    JSON = "json"


class Format(Protocol):
    """Takes chunks of a file apart."""

    def cut(self, text: bytes) -> int:
        """Return where the last complete record ends."""
        ...

    def read(self, chunk: Chunk) -> Rows[Any]:
        """Return the samples of a chunk."""
        ...

    def decode(self, key: Any) -> Mapping[str, str]:
        """Return the labels of a key of those samples; may raise `UnacceptableSeriesError`."""
        ...


_BY_SUFFIX = {
    "om": FileFormat.OPENMETRICS,
    "openmetrics": FileFormat.OPENMETRICS,
    "prom": FileFormat.OPENMETRICS,
    "txt": FileFormat.OPENMETRICS,
    "csv": FileFormat.CSV,
    "json": FileFormat.JSON,
    "ndjson": FileFormat.JSON,
    "jsonl": FileFormat.JSON,
}


def format_of(path: str) -> FileFormat:
    """Return the format that the end of a file's name says.

    Raises:
        ImportFailedError: It says none.
    """
    suffix = path.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix not in _BY_SUFFIX:
        raise ImportFailedError(
            f"{path}: the name does not say the format; give --format"
            f" {', '.join(FileFormat)} (known endings: .{', .'.join(_BY_SUFFIX)})"
        )
    return _BY_SUFFIX[suffix]


def make_format(file_format: FileFormat, head: bytes) -> Format:
    """Return what reads a format; `head` is the first line of the file.

    Raises:
        ImportFailedError: The first line is wrong.
    """
    match file_format:
        case FileFormat.OPENMETRICS:
            return OpenMetricsFormat()
        case FileFormat.CSV:
            return CsvFormat(head)
        case FileFormat.JSON:
            return JsonFormat()
