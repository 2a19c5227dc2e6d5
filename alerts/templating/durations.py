"""Durations as templates have them: Go's `time.Duration`, in nanoseconds."""

from __future__ import annotations

from alerts.templating.kinds import Int64, Kind, Type, Typed
from alerts.templating.signatures import Function

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
LONGEST = 2**63 - 1

DURATION = Type("time.Duration", Kind.INT, underlying="int64")


class Duration(Typed, int):
    """A number of nanoseconds, which prints as `1h30m0s`."""

    go_type = DURATION


class DurationPointer(Duration):
    """What `toDuration` gives: it prints and has methods like a duration, but compares with nothing."""

    go_type = Type("*time.Duration", Kind.POINTER, element=DURATION)


def bounded(nanoseconds: int) -> int:
    """Return the nearest number of nanoseconds that 64 bits can hold."""
    return max(-LONGEST - 1, min(LONGEST, nanoseconds))


def format_duration(nanoseconds: int) -> str:
    """Return a duration as Go prints it: `1h30m0s`, `1.5s`, `100ms`, `0s`."""
    if nanoseconds == 0:
        return "0s"
    sign = "-" if nanoseconds < 0 else ""
    rest = abs(nanoseconds)
    if rest < SECOND:
        for unit, size in (("ms", MILLISECOND), ("µs", MICROSECOND), ("ns", 1)):
            if rest >= size:
                return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, rest = divmod(rest, MINUTE)
    text = f"{_decimal(rest, SECOND)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{minutes}m{text}"
        text = f"{hours}h{text}" if hours else text
    return sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def _truncated(duration: int, step: int) -> int:
    if step <= 0:
        return duration
    return duration - (abs(duration) % step) * (1 if duration > 0 else -1)


def _rounded(duration: int, step: int) -> int:
    if step <= 0:
        return duration
    rest = abs(duration) % step
    magnitude = abs(duration) - rest + (step if rest * 2 >= step else 0)
    return bounded(magnitude if duration > 0 else -magnitude)


def _counted(unit: int) -> Function:
    return Function(lambda duration: Int64(_quotient(int(duration), unit)))


def _fractional(value: int, unit: int) -> float:
    # In Go's two steps, whose rounding shows in the last digit.
    whole = _quotient(value, unit)
    return whole + (value - whole * unit) / unit


def _quotient(value: int, unit: int) -> int:
    return abs(value) // unit * (1 if value >= 0 else -1)


Duration.methods = {
    "Abs": Function(lambda duration: Duration(bounded(abs(duration)))),
    "Hours": Function(lambda duration: _fractional(duration, HOUR)),
    "Microseconds": _counted(MICROSECOND),
    "Milliseconds": _counted(MILLISECOND),
    "Minutes": Function(lambda duration: _fractional(duration, MINUTE)),
    "Nanoseconds": _counted(1),
    "Round": Function(lambda duration, step: Duration(_rounded(duration, step)), (DURATION,)),
    "Seconds": Function(lambda duration: _fractional(duration, SECOND)),
    "String": Function(format_duration),
    "Truncate": Function(lambda duration, step: Duration(_truncated(duration, step)), (DURATION,)),
}
