from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.templating.durations import format_duration
from alerts.templating.layouts import format_clock
from alerts.templating.times import Time, from_clock
from tests.alerts.templating.amtool_cases import TIMES
from tests.alerts.templating.notification import params, text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("template", "expected"), params(TIMES))
def test_times_do_what_they_do_in_go(template: str, expected: str) -> None:
    assert text(template) == expected


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from([UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")]),
)
def test_a_clock_shows_what_pythons_shows(moment: datetime, zone: tzinfo) -> None:
    unix_ns = (moment - EPOCH) // timedelta(microseconds=1) * 1000

    shown = format_clock(Time(unix_ns, zone).clock(), "2006-01-02 15:04:05.000000 MST")

    assert shown == f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S.%f %Z}"


@given(st.integers(-5_000, 20_000), st.integers(1, 12), st.integers(1, 28), st.integers(0, 86_399))
def test_a_date_reads_back_in_any_year(year: int, month: int, day: int, second: int) -> None:
    time = from_clock(year=year, month=month, day=day, rest_ns=second * 10**9, zone=UTC)

    clock = time.clock()
    assert (clock.year, clock.month, clock.day) == (year, month, day)
    assert clock.hour * 3600 + clock.minute * 60 + clock.second == second


def test_a_zone_shows_its_own_hour_and_name() -> None:
    summer = '{{ tz "Europe/Berlin" (toDate "2006-01-02" "2024-07-01") }}'
    winter = '{{ tz "Europe/Berlin" (toDate "2006-01-02" "2024-01-01") }}'

    assert text(summer) == "2024-07-01 02:00:00 +0200 CEST"
    assert text(winter) == "2024-01-01 01:00:00 +0100 CET"


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (100_000_000, "100ms"),
        (1_500_000_000, "1.5s"),
        (60_000_000_000, "1m0s"),
        (-5_400_000_000_000, "-1h30m0s"),
        (2**63 - 1, "2562047h47m16.854775807s"),
        (-(2**63), "-2562047h47m16.854775808s"),
    ],
)
def test_a_duration_is_printed_as_in_go(nanoseconds: int, expected: str) -> None:
    assert format_duration(nanoseconds) == expected
