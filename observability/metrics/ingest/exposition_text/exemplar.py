"""The exemplar of a line of OpenMetrics: `# {labels} value [timestamp]`."""

from __future__ import annotations

from observability.metrics.exemplars import Exemplar
from observability.metrics.ingest.exposition_text.series_key import decode_key
from observability.metrics.ingest.series_labels import UnacceptableSeriesError

_LARGEST_SECONDS = 1e12


def decode_exemplar(text: bytes, *, default_ms: int) -> Exemplar | None:
    """Return an exemplar of an `Exposition`; None when it has a label twice or no time that can be kept.

    Args:
        text: As it stands there.
        default_ms: Its time if it says none.
    """
    braces, _, numbers = text[text.index(b"{") :].rpartition(b"}")
    value, *given = numbers.split()
    timestamp_ms = default_ms
    if given:
        seconds = float(given[0])
        if not abs(seconds) < _LARGEST_SECONDS:
            return None
        timestamp_ms = round(seconds * 1000)
    try:
        labels = decode_key(braces)
    except UnacceptableSeriesError:
        return None
    return Exemplar(
        labels=labels, value=float(value), timestamp_ms=timestamp_ms, has_own_time=bool(given)
    )
