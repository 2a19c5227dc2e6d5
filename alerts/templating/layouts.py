"""Times in text, by a layout that shows Go's reference time: `Mon Jan 2 15:04:05 MST 2006`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|3|4|5|PM|pm"
    r"|[-Z]07(?:00(?:00)?|:00(?::00)?)?|[.,](?:0+|9+)(?![0-9])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What a clock and a calendar on a wall show.

    Attributes:
        weekday: From 0 for Sunday.
        offset_seconds: East of Greenwich.
    """

    year: int
    month: int
    day: int
    year_day: int
    weekday: int
    hour: int
    minute: int
    second: int
    nanosecond: int
    offset_seconds: int
    zone: str


def format_clock(clock: Clock, layout: str) -> str:
    """Return a time as a layout shows it; what is no part of the reference time stays."""
    return ELEMENT.sub(lambda found: _element(clock, found.group()), layout)


def _element(clock: Clock, element: str) -> str:
    if element[0] in ".,":
        return _fraction(clock.nanosecond, element)
    if element[0] in "-Z":
        return _offset(clock.offset_seconds, element)
    return _NUMBERS[element](clock)


def _fraction(nanosecond: int, element: str) -> str:
    digits = f"{nanosecond:09d}".ljust(len(element) - 1, "0")[: len(element) - 1]
    if element[1] == "9":
        digits = digits.rstrip("0")
    return element[0] + digits if digits else ""


def _offset(offset_seconds: int, element: str) -> str:
    if element[0] == "Z" and offset_seconds == 0:
        return "Z"
    sign = "-" if offset_seconds < 0 else "+"
    minutes, seconds = divmod(abs(offset_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    colon = ":" if ":" in element else ""
    parts = len(element.replace(":", "")) // 2
    return sign + colon.join(f"{part:02d}" for part in (hours, minutes, seconds)[:parts])


def _year(clock: Clock) -> str:
    return f"{'-' if clock.year < 0 else ''}{abs(clock.year):04d}"


_NUMBERS: dict[str, Callable[[Clock], str]] = {
    "2006": _year,
    "06": lambda clock: f"{clock.year % 100:02d}",
    "January": lambda clock: MONTHS[clock.month - 1],
    "Jan": lambda clock: MONTHS[clock.month - 1][:3],
    "01": lambda clock: f"{clock.month:02d}",
    "1": lambda clock: str(clock.month),
    "Monday": lambda clock: WEEKDAYS[clock.weekday],
    "Mon": lambda clock: WEEKDAYS[clock.weekday][:3],
    "02": lambda clock: f"{clock.day:02d}",
    "_2": lambda clock: f"{clock.day:2d}",
    "2": lambda clock: str(clock.day),
    "002": lambda clock: f"{clock.year_day:03d}",
    "__2": lambda clock: f"{clock.year_day:3d}",
    "15": lambda clock: f"{clock.hour:02d}",
    "03": lambda clock: f"{clock.hour % 12 or 12:02d}",
    "3": lambda clock: str(clock.hour % 12 or 12),
    "04": lambda clock: f"{clock.minute:02d}",
    "4": lambda clock: str(clock.minute),
    "05": lambda clock: f"{clock.second:02d}",
    "5": lambda clock: str(clock.second),
    "PM": lambda clock: "PM" if clock.hour >= 12 else "AM",
    "pm": lambda clock: "pm" if clock.hour >= 12 else "am",
    "MST": lambda clock: clock.zone or _offset(clock.offset_seconds, "-0700"),
}
