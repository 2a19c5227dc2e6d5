"""Values and times as people and programs write them into files."""

from __future__ import annotations

from datetime import UTC, datetime


def read_value(text: str) -> float:
    """Return a number; NaN, +Inf and -Inf are some.

    Raises:
        ValueError: It is none.
    """
    try:
        if "_" in text:  # which Python takes, and nobody means
            raise ValueError
        return float(text)
    except ValueError:
        raise ValueError(f"expected a number, or NaN, +Inf or -Inf; got {text[:100]!r}") from None


def read_time_ms(moment: str | float) -> int:
    """Return a time in milliseconds: Unix seconds, or ISO 8601, in UTC unless it says otherwise.

    Raises:
        ValueError: It is neither.
    """
    try:
        seconds = float(moment)
    except ValueError:
        seconds = _seconds_of(str(moment))
    if seconds > 1e11:
        raise ValueError(
            f"the time {moment!r} is far in the future; Unix seconds are expected, not milliseconds"
        )
    if not seconds > -1e11:
        raise ValueError(f"expected Unix seconds; got {moment!r}")
    return round(seconds * 1000)


def _seconds_of(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"expected Unix seconds or ISO 8601 such as 2026-01-31T08:00:00Z; got {text[:100]!r}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
