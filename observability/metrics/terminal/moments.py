"""Times as terminals show them; they can be typed in again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_text(timestamp_ms: int) -> str:
    """Return a time as RFC 3339 in UTC; beyond the years 1 to 9999 as Unix seconds."""
    try:
        moment = _EPOCH + timedelta(milliseconds=timestamp_ms)
    except OverflowError:
        return f"{timestamp_ms / 1000:.3f}"
    precision = "milliseconds" if timestamp_ms % 1000 else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
