"""Values and times as people and programs write them into files."""

from __future__ import annotations

from observability.metrics.iso_times import iso_seconds


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
        seconds = iso_seconds(str(moment))
    if seconds > 1e11:
        raise ValueError(
            f"the time {moment!r} is far in the future; Unix seconds are expected, not milliseconds"
        )
    if not seconds > -1e11:
        raise ValueError(f"expected Unix seconds; got {moment!r}")
    return round(seconds * 1000)
