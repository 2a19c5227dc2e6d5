"""Text to times, by a layout of Go's reference time.

Source: Go, time/format.go (`time.Parse`).
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, timedelta, timezone, tzinfo

from alerts.templating.durations import SECOND
from alerts.templating.layouts import ELEMENT, MONTHS, WEEKDAYS
from alerts.templating.literals import quote
from alerts.templating.times import Time, from_clock

_ZONE_NAME = re.compile(r"ChST|MeST|GMT[+-]\d{1,2}|[+-]\d\d|[A-Z]{3}ST|[A-Z]{3,4}")
_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?")
_FRACTION = re.compile(r"[.,](\d+)")


def parse_time(layout: str, text: str) -> Time:
    """Return the time that a text shows; in UTC where it names no zone.

    Raises:
        ValueError: The text does not have the layout; the message is Go's.
    """
    return _Parser(layout, text).parse()


@dataclass(slots=True)
class _Parser:
    layout: str
    text: str
    rest: str = ""
    clock: dict[str, int] = field(default_factory=dict)
    is_afternoon: bool | None = None
    zone: tzinfo = UTC

    def parse(self) -> Time:
        self.rest = self.text
        end = 0
        for element in ELEMENT.finditer(self.layout):
            self._skip(self.layout[end : element.start()])
            end = element.end()
            self._read(element.group(), self.layout[end:])
        self._skip(self.layout[end:])
        if self.rest:
            raise ValueError(f"parsing time {quote(self.text)}: extra text: {quote(self.rest)}")
        return self._time()

    def _mismatch(self, part: str) -> ValueError:
        return ValueError(
            f"parsing time {quote(self.text)} as {quote(self.layout)}: "
            f"cannot parse {quote(self.rest)} as {quote(part)}"
        )

    def _out_of_range(self, part: str) -> ValueError:
        return ValueError(f"parsing time {quote(self.text)}: {part} out of range")

    def _skip(self, prefix: str) -> None:
        """Pass over what stands between elements; spaces stand for any number of them."""
        remaining, rest = prefix, self.rest
        while remaining:
            if remaining[0] == " ":
                if rest and rest[0] != " ":
                    raise self._mismatch(prefix)
                remaining, rest = remaining.lstrip(" "), rest.lstrip(" ")
            elif rest[:1] != remaining[0]:
                raise self._mismatch(prefix)
            else:
                remaining, rest = remaining[1:], rest[1:]
        self.rest = rest

    def _read(self, element: str, following: str) -> None:
        if element in _DIGITS:
            self._read_number(element)
            if element in ("5", "05"):
                self._read_unannounced_fraction(following)
        elif element[0] in ".,":
            self._read_fraction(element)
        elif element in ("PM", "pm"):
            self._read_half(element)
        elif element[0] in "-Z":
            self._read_offset(element)
        elif element == "MST":
            self._read_zone()
        else:
            self._read_name(element)

    def _read_number(self, element: str) -> None:
        part, digits, low, high = _DIGITS[element]
        if element[0] == "_":
            spaces = len(element) - 1
            while spaces and self.rest.startswith(" "):
                self.rest, spaces = self.rest[1:], spaces - 1
        found = re.match(digits, self.rest, re.ASCII)
        if found is None:
            raise self._mismatch(element)
        number = int(found.group())
        if element == "06":
            number += 1900 if number >= 69 else 2000
        elif not low <= number <= high:
            raise self._out_of_range(part)
        self.clock[part] = number
        self.rest = self.rest[found.end() :]

    def _read_unannounced_fraction(self, following: str) -> None:
        upcoming = ELEMENT.search(following)
        if upcoming is None or upcoming.group()[0] not in ".,":
            self._read_fraction(".9")

    def _read_fraction(self, element: str) -> None:
        found = _FRACTION.match(self.rest)
        wanted = len(element) - 1
        if element[1] == "0":
            if found is None or len(found.group(1)) < wanted:
                raise self._mismatch(element)
            digits = found.group(1)[:wanted]
        elif found is None:
            return
        else:
            digits = found.group(1)
        self.clock["nanosecond"] = int(digits[:9].ljust(9, "0"))
        self.rest = self.rest[len(digits) + 1 :]

    def _read_half(self, element: str) -> None:
        half = self.rest[:2]
        if half.upper() not in ("AM", "PM") or half.isupper() != element.isupper():
            raise self._mismatch(element)
        self.is_afternoon = half.upper() == "PM"
        self.rest = self.rest[2:]

    def _read_offset(self, element: str) -> None:
        if element[0] == "Z" and self.rest.startswith("Z"):
            self.rest = self.rest[1:]
            return
        length = len(element)
        found = _OFFSET.fullmatch(self.rest[:length])
        if found is None or (":" in element) != (":" in found.group()):
            raise self._mismatch(element)
        sign, *parts = found.groups()
        hours, minutes, seconds = (int(part or 0) for part in parts)
        if hours > 23:
            raise self._out_of_range("time zone offset hour")
        if minutes > 59:
            raise self._out_of_range("time zone offset minute")
        if seconds > 59:
            raise self._out_of_range("time zone offset second")
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        self.zone = UTC if not offset else timezone(offset if sign == "+" else -offset, "")
        self.rest = self.rest[length:]

    def _read_zone(self) -> None:
        found = re.match("UTC", self.rest) or _ZONE_NAME.match(self.rest)
        if found is None:
            raise self._mismatch("MST")
        name = found.group()
        if name != "UTC":
            # Where the zone is not known, Go keeps its name and takes UTC.
            self.zone = timezone(timedelta(0), name)
        self.rest = self.rest[len(name) :]

    def _read_name(self, element: str) -> None:
        names = WEEKDAYS if element.startswith("Mon") else MONTHS
        is_short = len(element) == 3
        for number, full_name in enumerate(names, 1):
            name = full_name[:3] if is_short else full_name
            if self.rest[: len(name)].lower() == name.lower():
                if names is MONTHS:
                    self.clock["month"] = number
                self.rest = self.rest[len(name) :]
                return
        raise self._mismatch(element)

    def _time(self) -> Time:
        year = self.clock.get("year", 0)
        hour = self.clock.get("hour", 0)
        if self.is_afternoon is not None:
            hour = hour % 12 + 12 * self.is_afternoon
        month, day = self.clock.get("month", 1), self.clock.get("day", 1)
        # Leap years repeat every 400 years, and Python knows none before the year 1.
        days = monthrange(year % 400 + 400, month)[1]
        if not 1 <= day <= days:
            raise self._out_of_range("day")
        if "day of year" in self.clock and "month" not in self.clock:
            month, day = 1, self.clock["day of year"]
        seconds = hour * 3600 + self.clock.get("minute", 0) * 60 + self.clock.get("second", 0)
        return from_clock(
            year=year,
            month=month,
            day=day,
            rest_ns=seconds * SECOND + self.clock.get("nanosecond", 0),
            zone=self.zone,
        )


# Element -> part of the clock, its digits, the lowest and the highest number.
_DIGITS = {
    "2006": ("year", r"\d{4}", 0, 9999),
    "06": ("year", r"\d{2}", 0, 99),
    "01": ("month", r"\d{2}", 1, 12),
    "1": ("month", r"\d{1,2}", 1, 12),
    "02": ("day", r"\d{2}", 0, 99),
    "_2": ("day", r"\d{1,2}", 0, 99),
    "2": ("day", r"\d{1,2}", 0, 99),
    "002": ("day of year", r"\d{3}", 1, 366),
    "__2": ("day of year", r"\d{1,3}", 1, 366),
    "15": ("hour", r"\d{1,2}", 0, 23),
    "03": ("hour", r"\d{2}", 0, 12),
    "3": ("hour", r"\d{1,2}", 0, 12),
    "04": ("minute", r"\d{2}", 0, 59),
    "4": ("minute", r"\d{1,2}", 0, 59),
    "05": ("second", r"\d{2}", 0, 59),
    "5": ("second", r"\d{1,2}", 0, 59),
}
