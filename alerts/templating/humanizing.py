"""Numbers for people, as Prometheus's functions write them.

Source: Prometheus 3, template/template.go; prometheus/common, helpers/templates.
"""

from __future__ import annotations

import math

from alerts.templating.durations import MILLISECOND, SECOND, Duration
from alerts.templating.errors import FunctionError
from alerts.templating.kinds import Kind, kind_of, type_of
from alerts.templating.literals import parse_float
from alerts.templating.times import Time, TimePointer
from observability.promql.go_floats import shortest

_LARGE = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("", "m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")


def to_float(value: object) -> float:
    """Return a number, or the number that a text holds.

    Raises:
        FunctionError: It is neither; the message is Go's.
    """
    if isinstance(value, str):
        try:
            return parse_float(value)
        except ValueError as error:
            raise FunctionError(str(error)) from error
    if isinstance(value, Duration):
        return value / SECOND
    if kind_of(value) in (Kind.INT, Kind.UINT, Kind.FLOAT) and isinstance(value, int | float):
        return float(value)
    shown = "<nil>" if value is None else str(type_of(value))
    raise FunctionError(f"can't convert {shown} to float")


def humanize(value: object) -> str:
    """Return a number with a prefix of its size: `1.235M`, `120m`."""
    number = to_float(value)
    if not _is_scalable(number):
        return general(number)
    prefixes, factor = (_LARGE, 1 / 1000) if abs(number) >= 1 else (_SMALL, 1000.0)
    for prefix in prefixes:
        if (abs(number) < 1000) if factor < 1 else (abs(number) >= 1):
            break
        if prefix != prefixes[-1]:
            number = number / 1000 if factor < 1 else number * 1000
    return general(number) + prefix


def humanize_1024(value: object) -> str:
    """Return a number with a prefix of its size in powers of 1024: `1.5Mi`."""
    number = to_float(value)
    if abs(number) <= 1 or not math.isfinite(number):
        return general(number)
    for prefix in _BINARY:
        if abs(number) < 1024 or prefix == _BINARY[-1]:
            break
        number /= 1024
    return general(number) + prefix


def humanize_percentage(value: object) -> str:
    """Return a ratio in percent: `12.35%`."""
    return general(to_float(value) * 100) + "%"


def humanize_duration(value: object) -> str:
    """Return seconds as `1d 2h 3m 4s`, or below a minute as `1.234s`, `120ms`."""
    number = to_float(value)
    if not math.isfinite(number):
        return general(number)
    if number == 0:
        return general(number) + "s"
    if abs(number) < 1:
        for prefix in _SMALL:
            if abs(number) >= 1 or prefix == _SMALL[-1]:
                break
            number *= 1000
        return f"{general(number)}{prefix}s"
    sign = "-" if number < 0 else ""
    number = abs(number)
    if number < 60:
        return f"{sign}{general(number)}s"
    # Go's conversion of a number beyond 64 bits gives the lowest one.
    inner_sign, whole = ("", int(number)) if number < 2.0**63 else ("-", 2**63)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{inner_sign}{minutes}m", f"{inner_sign}{seconds}s"]
    if days or hours:
        parts.insert(0, f"{inner_sign}{hours}h")
    if days:
        parts.insert(0, f"{inner_sign}{days}d")
    return sign + " ".join(parts)


def humanize_timestamp(value: object) -> str:
    """Return seconds since 1970 as `2015-06-23 13:19:44.128 +0000 UTC`."""
    number = to_float(value)
    if not math.isfinite(number):
        return general(number)
    text = Time.methods["String"].call(to_time(number))
    return str(text)


def to_time(value: object) -> Time:
    """Return the point in time of seconds since 1970, to the millisecond.

    Raises:
        FunctionError: It is no number, or beyond what 64 bits of nanoseconds hold.
    """
    number = to_float(value)
    if not math.isfinite(number):
        raise FunctionError("value is NaN or Inf")
    nanoseconds = number * 1e9
    if not -(2.0**63) <= nanoseconds <= 2.0**63:
        raise FunctionError(
            f"{shortest(number)} cannot be represented as a nanoseconds timestamp"
            " since it overflows int64"
        )
    # Prometheus's own times, through which it goes, are milliseconds.
    return TimePointer(int(nanoseconds / MILLISECOND) * MILLISECOND)


def general(number: float) -> str:
    """Return a number in four significant digits (`%.4g`)."""
    if not math.isfinite(number):
        return shortest(number)
    return f"{number:.4g}"


def _is_scalable(number: float) -> bool:
    return number != 0 and math.isfinite(number)
