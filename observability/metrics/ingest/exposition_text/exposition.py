"""What a text of metrics holds, as arrays over its series lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from observability.metrics.samples import Metadata

# In `Exposition.timestamps_ms`, where a line has none.
NO_TIMESTAMP = np.iinfo(np.int64).min

_OPENMETRICS = "application/openmetrics-text"
_PROMETHEUS = {"", "text/plain"}


class TextFormat(Enum):
    """The two formats; they differ in times, comments, exemplars and how a text ends."""

    PROMETHEUS = "Prometheus text 0.0.4"
    OPENMETRICS = "OpenMetrics 1.0"


def format_of(media_type: str) -> TextFormat | None:
    """Return the format that a `Content-Type` names, parameters or not; None when it is no text of metrics."""
    essence = media_type.partition(";")[0].strip().lower()
    if essence == _OPENMETRICS:
        return TextFormat.OPENMETRICS
    return TextFormat.PROMETHEUS if essence in _PROMETHEUS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """The series lines of a text, in their order.

    Attributes:
        keys: For each line the bytes `name{labels}` as they stand there; `decode_key` reads them.
            Different bytes may mean the same series, the same bytes always do.
        lines: int64, the number of each line.
        values: float64, for each line.
        timestamps_ms: int64, for each line, NO_TIMESTAMP where it has none; None when none has one.
        metadata: What the text says about metric families, by their name.
        retyped: Families of which it says more than once what type they are.
        exemplars: Those that there are, by the place of their line, as they stand there.
    """

    keys: Sequence[bytes]
    lines: NDArray[np.int64]
    values: NDArray[np.float64]
    timestamps_ms: NDArray[np.int64] | None
    metadata: Mapping[str, Metadata]
    retyped: frozenset[str]
    exemplars: Mapping[int, bytes]

    def __len__(self) -> int:
        return len(self.keys)

    def times(self, default_ms: int) -> NDArray[np.int64]:
        """Return the time of each line, `default_ms` where it has none."""
        if self.timestamps_ms is None:
            return np.full(len(self), default_ms, np.int64)
        return np.where(self.timestamps_ms == NO_TIMESTAMP, default_ms, self.timestamps_ms)
