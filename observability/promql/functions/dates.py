"""`year`, `month`, `hour` and their kin: parts of a Unix time in UTC.

Days are counted from 1 March of a year long ago, so that a leap day is the last of its year.
Source: Howard Hinnant, "chrono-compatible low-level date algorithms" (civil_from_days).
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from observability.promql.blocks import Floats, VectorBlock, one_series
from observability.promql.functions.signature import VectorFunction
from observability.promql.operands import Operands
from observability.promql.syntax import Call

_SECONDS_IN_DAY = 86_400
_DAYS_IN_ERA = 146_097
"""An era is 400 years, after which the calendar repeats itself, days of the week included."""

# The count begins where Go's does (time/time.go), as a value that is no time there has parts, too:
# NaN and what does not fit 64 bits becomes the least integer.
_FIRST_YEAR = -292_277_022_400
_DAYS_TO_1970 = -_FIRST_YEAR // 400 * _DAYS_IN_ERA + 719_468
_WEDNESDAY = 3
_DAYS_BEFORE_MARCH = 59
_DAYS_FROM_MARCH = 306

Unsigned: TypeAlias = NDArray[np.uint64]
Part: TypeAlias = Callable[["Dates"], Unsigned | NDArray[np.int64]]


class Dates:
    """Unix times taken apart."""

    def __init__(self, seconds: Floats) -> None:
        fits = (seconds >= -(2.0**63)) & (seconds < 2.0**63)
        whole = np.where(fits, seconds, -(2.0**63)).astype(np.int64)
        since_start = whole.view(np.uint64) + np.uint64(_DAYS_TO_1970 * _SECONDS_IN_DAY)
        self._days = since_start // _SECONDS_IN_DAY
        self.second_of_day = since_start % _SECONDS_IN_DAY
        era, day_of_era = self._days // _DAYS_IN_ERA, self._days % _DAYS_IN_ERA
        year_of_era = (
            day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
        ) // 365
        # From 1 March.
        self._day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
        self._month = (5 * self._day_of_year + 2) // 153
        self.day = self._day_of_year - (153 * self._month + 2) // 5 + 1
        self.month = np.where(self._month < 10, self._month + 3, self._month - 9)
        self.year = (era * 400 + year_of_era).astype(np.int64) + _FIRST_YEAR + (self.month <= 2)

    @property
    def is_leap_year(self) -> NDArray[np.bool_]:
        """Whether the year has a 29 February."""
        return np.asarray((self.year % 4 == 0) & ((self.year % 100 != 0) | (self.year % 400 == 0)))

    @property
    def day_of_week(self) -> Unsigned:
        """The days since Sunday."""
        return (self._days + _WEDNESDAY) % 7

    @property
    def day_of_year(self) -> Unsigned:
        """The day of the year, from 1."""
        after_february = self._day_of_year + _DAYS_BEFORE_MARCH + self.is_leap_year + 1
        return np.asarray(
            np.where(self.month <= 2, self._day_of_year - _DAYS_FROM_MARCH + 1, after_february)
        )

    @property
    def days_in_month(self) -> NDArray[np.int64]:
        """How many days the month has."""
        usual = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[
            self.month.astype(np.int64) - 1
        ]
        return np.asarray(usual + ((self.month == 2) & self.is_leap_year))


def _part(take: Part) -> VectorFunction:
    """Return the function that gives a part of each value, or of the evaluation time."""

    def apply(call: Call, operands: Operands) -> Iterator[VectorBlock]:
        if not call.args:
            # Go divides the milliseconds, which rounds towards zero.
            now = np.trunc(operands.context.steps.timestamps_ms / 1000)
            yield one_series((), take(Dates(now)).astype(np.float64))
            return
        for block in operands.vector(call.args[0], function=call.function):
            yield block.with_values(take(Dates(block.values)).astype(np.float64))

    return apply


FUNCTIONS: dict[str, VectorFunction] = {
    "minute": _part(lambda dates: dates.second_of_day % 3600 // 60),
    "hour": _part(lambda dates: dates.second_of_day // 3600),
    "day_of_week": _part(lambda dates: dates.day_of_week),
    "day_of_month": _part(lambda dates: dates.day),
    "day_of_year": _part(lambda dates: dates.day_of_year),
    "days_in_month": _part(lambda dates: dates.days_in_month),
    "month": _part(lambda dates: dates.month),
    "year": _part(lambda dates: dates.year),
}
