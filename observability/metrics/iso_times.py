"""Times as ISO 8601 has them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_seconds(text: str) -> float:
    """Return the Unix seconds of a time, which is in UTC unless it says otherwise.

    Raises:
        ValueError: It is not ISO 8601; the message quotes it.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"expected Unix seconds or ISO 8601 such as 2026-01-31T08:00:00Z; got {text[:100]!r}"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
