"""How times and durations are written in URLs, ours and Prometheus's alike."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def parse_timestamp_ms(text: str) -> int:
    """Return a time in milliseconds from Unix seconds or ISO 8601 (without an offset: UTC).

    Raises:
        ValueError: It is neither; the message quotes it.
    """
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f'cannot parse "{text[:100]}" to a valid timestamp') from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds) or abs(seconds) > 1e12:
        raise ValueError(f'cannot parse "{text[:100]}" to a valid timestamp')
    return round(seconds * 1000)
