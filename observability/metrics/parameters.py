"""How times and durations are written in URLs, ours and Prometheus's alike."""

from __future__ import annotations

import math

from observability.metrics.iso_times import iso_seconds


def parse_timestamp_ms(text: str) -> int:
    """Return a time in milliseconds from Unix seconds or ISO 8601 (without an offset: UTC).

    Raises:
        ValueError: It is neither; the message quotes it.
    """
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = iso_seconds(text)
        except ValueError:
            raise ValueError(f'cannot parse "{text[:100]}" to a valid timestamp') from None
    if not math.isfinite(seconds) or abs(seconds) > 1e12:
        raise ValueError(f'cannot parse "{text[:100]}" to a valid timestamp')
    return round(seconds * 1000)
