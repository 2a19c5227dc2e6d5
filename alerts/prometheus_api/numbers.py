"""Values, times and durations as Prometheus's API writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from observability.promql.go_floats import scientific

NEVER = "0001-01-01T00:00:00Z"
"""How Go writes a time that there is none of."""


def value_text(value: float | None) -> str:
    """Return an alert's value, such as `1.5e+01`; one without a value has NaN."""
    return "NaN" if value is None else scientific(value).replace("E", "e")


def time_text(moment: datetime | None) -> str:
    """Return a time in RFC 3339 with as many digits of a second as it takes."""
    if moment is None:
        return NEVER
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def seconds(duration_ms: float | None) -> float:
    """Return milliseconds as a JSON number of seconds, a whole one where it is."""
    if not duration_ms:
        return 0
    return int(duration_ms // 1000) if duration_ms % 1000 == 0 else duration_ms / 1000
