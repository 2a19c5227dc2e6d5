"""Times as they are typed: `now`, `-1h`, `now-90m`, Unix seconds, RFC 3339."""

from __future__ import annotations

import re

from observability.metrics.parameters import parse_timestamp_ms
from observability.promql.durations import parse_duration_ms

MOST_POINTS = 250
"""Points of a series where nobody says how far apart they are to be, as in promtool."""

_RELATIVE = re.compile(r"(?:now)?(?:(?P<sign>[-+])(?P<distance>[0-9]+[a-z0-9]*))?")


def parse_time_ms(text: str, *, now_ms: int) -> int:
    """Return a time in milliseconds.

    Args:
        text: A time by itself, or one told from now: `now`, `-1h`, `now+5m`. Numbers are
            Unix seconds, also those before 1970.
        now_ms: What is now.

    Raises:
        ValueError: It is none; the message quotes it.
    """
    found = _RELATIVE.fullmatch(text)
    if not text or found is None or text[1:].isdigit():
        return parse_timestamp_ms(text)
    distance_ms = parse_duration_ms(found["distance"] or "0")
    return now_ms - distance_ms if found["sign"] == "-" else now_ms + distance_ms


def parse_step_ms(text: str) -> int:
    """Return a distance of points in milliseconds, from seconds or from `5m`.

    Raises:
        ValueError: It is none, or not more than nothing.
    """
    try:
        step_ms = round(float(text) * 1000)
    except (ValueError, OverflowError):
        step_ms = parse_duration_ms(text)
    if step_ms <= 0:
        raise ValueError(f"expected more than 0, got {text}")
    return step_ms


def usual_step_ms(start_ms: int, end_ms: int) -> int:
    """Return a distance of whole seconds at which a range has about `MOST_POINTS` points."""
    return max((end_ms - start_ms) // MOST_POINTS // 1000, 1) * 1000
