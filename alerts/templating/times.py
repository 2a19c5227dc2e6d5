"""Points in time as templates have them: Go's `time.Time`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from typing import ClassVar

from alerts.templating.durations import DURATION, HOUR, SECOND, Duration, bounded
from alerts.templating.kinds import INT, STRING, Int64, Kind, Type, Typed
from alerts.templating.layouts import MONTHS, WEEKDAYS, Clock, format_clock
from alerts.templating.signatures import Function

TIME = Type("time.Time", Kind.STRUCT)

_STRING_LAYOUT = "2006-01-02 15:04:05.999999999 -0700 MST"
_DAYS_OF_400_YEARS = 146_097
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = date(1, 1, 2).toordinal(), date(9999, 12, 30).toordinal()
_ZERO_NS = (date(1, 1, 1).toordinal() - _EPOCH_DAY) * 24 * HOUR


class Month(Typed, int):
    """A month from 1, which prints as its name."""

    go_type = Type("time.Month", Kind.INT, underlying="int")


class Weekday(Typed, int):
    """A day of the week from 0 for Sunday, which prints as its name."""

    go_type = Type("time.Weekday", Kind.INT, underlying="int")


Month.methods = {
    "String": Function(lambda m: MONTHS[m - 1] if 1 <= m <= 12 else f"%!Month({int(m)})")
}
Weekday.methods = {"String": Function(lambda day: WEEKDAYS[day])}


@dataclass(frozen=True, slots=True)
class Time(Typed):
    """A point in time, shown by the clock of a zone.

    Attributes:
        unix_ns: Nanoseconds since 1970.
    """

    unix_ns: int
    zone: tzinfo = UTC

    go_type = TIME
    methods: ClassVar[dict[str, Function]]

    def clock(self) -> Clock:
        """Return what a clock in its zone shows, in any year."""
        offset_seconds, name = self._offset()
        days, rest_ns = divmod(self.unix_ns + offset_seconds * SECOND, 24 * HOUR)
        # Python's calendar ends at the year 9999; it repeats every 400 years.
        cycles, day = divmod(days + _EPOCH_DAY - 1, _DAYS_OF_400_YEARS)
        shown = date.fromordinal(day + 1)
        seconds, nanosecond = divmod(rest_ns, SECOND)
        return Clock(
            year=shown.year + 400 * cycles,
            month=shown.month,
            day=shown.day,
            year_day=shown.timetuple().tm_yday,
            weekday=(days + 4) % 7,
            hour=seconds // 3600,
            minute=seconds // 60 % 60,
            second=seconds % 60,
            nanosecond=nanosecond,
            offset_seconds=offset_seconds,
            zone=name,
        )

    def _offset(self) -> tuple[int, str]:
        if self.zone is UTC:
            return 0, "UTC"
        day = min(max(self.unix_ns // (24 * HOUR) + _EPOCH_DAY, _FIRST_DAY), _LAST_DAY)
        second = self.unix_ns // SECOND % 86_400
        there = datetime.combine(date.fromordinal(day), datetime.min.time(), UTC)
        there = there.replace(hour=second // 3600, minute=second // 60 % 60, second=second % 60)
        there = there.astimezone(self.zone)
        offset = there.utcoffset()
        return int(offset.total_seconds()) if offset else 0, there.tzname() or ""


class TimePointer(Time):
    """What `toTime` gives: a time that compares with nothing."""

    __slots__ = ()

    go_type = Type("*time.Time", Kind.POINTER, element=TIME)


ZERO_TIME = Time(_ZERO_NS)


def from_clock(*, year: int, month: int, day: int, rest_ns: int, zone: tzinfo) -> Time:
    """Return the time at which a clock shows a date and nanoseconds since midnight.

    Months and days beyond their ends count on, as in Go.
    """
    years, months = divmod(month - 1, 12)
    cycles, year_of_cycle = divmod(year + years - 1, 400)
    first = date(year_of_cycle + 1, months + 1, 1).toordinal() + cycles * _DAYS_OF_400_YEARS
    local = Time((first + day - 1 - _EPOCH_DAY) * 24 * HOUR + rest_ns, zone)
    offset_seconds = replace(local, unix_ns=local.unix_ns).clock().offset_seconds
    guess = Time(local.unix_ns - offset_seconds * SECOND, zone)
    # The zone may have moved its clock between the two.
    actual = guess.clock().offset_seconds
    return Time(local.unix_ns - actual * SECOND, zone)


def _add_date(time: Time, years: int, months: int, days: int) -> Time:
    clock = time.clock()
    local_ns = time.unix_ns + clock.offset_seconds * SECOND
    return from_clock(
        year=clock.year + max(-10_000, min(10_000, years)),
        month=clock.month + max(-120_000, min(120_000, months)),
        day=clock.day + max(-4_000_000, min(4_000_000, days)),
        rest_ns=local_ns % (24 * HOUR),
        zone=time.zone,
    )


def _truncated(time: Time, step: int) -> Time:
    return Time(
        time.unix_ns - (time.unix_ns - _ZERO_NS) % step if step > 0 else time.unix_ns, time.zone
    )


def _rounded(time: Time, step: int) -> Time:
    if step <= 0:
        return time
    rest = (time.unix_ns - _ZERO_NS) % step
    return Time(time.unix_ns - rest + (step if rest * 2 >= step else 0), time.zone)


def _compare(first: Time, second: Time) -> int:
    return (first.unix_ns > second.unix_ns) - (first.unix_ns < second.unix_ns)


Time.methods = {
    "Add": Function(lambda time, by: Time(time.unix_ns + by, time.zone), (DURATION,)),
    "AddDate": Function(_add_date, (INT, INT, INT)),
    "After": Function(lambda time, other: time.unix_ns > other.unix_ns, (TIME,)),
    "Before": Function(lambda time, other: time.unix_ns < other.unix_ns, (TIME,)),
    "Clock": Function(format, results=3),
    "Compare": Function(_compare, (TIME,)),
    "Date": Function(format, results=3),
    "Day": Function(lambda time: time.clock().day),
    "Equal": Function(lambda time, other: time.unix_ns == other.unix_ns, (TIME,)),
    "Format": Function(lambda time, layout: format_clock(time.clock(), layout), (STRING,)),
    "Hour": Function(lambda time: time.clock().hour),
    "IsZero": Function(lambda time: time.unix_ns == _ZERO_NS),
    "Local": Function(lambda time: Time(time.unix_ns)),
    "Minute": Function(lambda time: time.clock().minute),
    "Month": Function(lambda time: Month(time.clock().month)),
    "Nanosecond": Function(lambda time: time.clock().nanosecond),
    "Round": Function(_rounded, (DURATION,)),
    "Second": Function(lambda time: time.clock().second),
    "String": Function(lambda time: format_clock(time.clock(), _STRING_LAYOUT)),
    "Sub": Function(lambda time, other: Duration(bounded(time.unix_ns - other.unix_ns)), (TIME,)),
    "Truncate": Function(_truncated, (DURATION,)),
    "UTC": Function(lambda time: Time(time.unix_ns)),
    "Unix": Function(lambda time: Int64(time.unix_ns // SECOND)),
    "UnixMicro": Function(lambda time: Int64(time.unix_ns // 1_000)),
    "UnixMilli": Function(lambda time: Int64(time.unix_ns // 1_000_000)),
    "UnixNano": Function(lambda time: Int64(time.unix_ns)),
    "Weekday": Function(lambda time: Weekday(time.clock().weekday)),
    "Year": Function(lambda time: time.clock().year),
    "YearDay": Function(lambda time: time.clock().year_day),
}
