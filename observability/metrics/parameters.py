"""How times and durations are written in URLs, ours and Prometheus's alike.

The messages are Prometheus's. Source: Prometheus web/api/v1/api.go.
"""

from __future__ import annotations

import math

from observability.metrics.iso_times import iso_seconds
from observability.promql import durations
from observability.promql.labels import quote

_LARGEST_INTEGER = 2**63 - 1


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
            raise ValueError(f"cannot parse {quote(text)} to a valid timestamp") from None
    if not math.isfinite(seconds) or abs(seconds) > 1e12:
        raise ValueError(f"cannot parse {quote(text)} to a valid timestamp")
    return round(seconds * 1000)


def parse_duration_ms(text: str) -> int:
    """Return a duration in milliseconds, from seconds or as `1h30m`; parts of one are cut off.

    Raises:
        ValueError: It is neither, or longer than 292 years; the message quotes it.
    """
    fault = f"cannot parse {quote(text)} to a valid duration"
    try:
        seconds = float(text)
    except ValueError:
        try:
            return durations.parse_duration_ms(text)
        except ValueError:
            raise ValueError(fault) from None
    if abs(seconds) * 1e9 > _LARGEST_INTEGER:
        raise ValueError(f"{fault}. It overflows int64")
    if math.isnan(seconds):
        raise ValueError(fault)
    return int(seconds * 1e9 / 1e6)
