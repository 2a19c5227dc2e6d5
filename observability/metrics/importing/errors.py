"""What can go wrong with the import of a file."""

from __future__ import annotations

from observability.metrics.errors import MetricsError


class ImportFailedError(MetricsError):
    """A file cannot be imported, or not further; what was read before stays imported."""


class FaultyLineError(ImportFailedError):
    """A line of a file is wrong; nothing of its batch was written."""

    def __init__(self, path: str, line: int, fault: str) -> None:
        self.line = line
        super().__init__(f"{path}, line {line:,}: {fault}")
