import math
from calendar import monthrange
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.promql.queries import instant, over_minutes

PARTS = [
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
]


@given(at=st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 (UTC is put on below)
def test_parts_of_a_time_are_those_of_the_calendar(at: datetime) -> None:
    at = at.replace(tzinfo=UTC, microsecond=0)

    found = {part: instant(f"{part}(vector({int(at.timestamp())}))", {})[""] for part in PARTS}

    assert found == {
        "minute": at.minute,
        "hour": at.hour,
        "day_of_week": at.isoweekday() % 7,
        "day_of_month": at.day,
        "day_of_year": at.timetuple().tm_yday,
        "days_in_month": monthrange(at.year, at.month)[1],
        "month": at.month,
        "year": at.year,
    }


def test_without_an_argument_it_is_the_time_of_each_step() -> None:
    assert over_minutes("minute()", {}, minutes=2) == {"": {0: 0, 1: 1, 2: 2}}


def test_fractions_of_seconds_are_cut_off() -> None:
    assert instant("minute(vector(119.9))", {}) == {"": 1}
    assert instant("year(vector(-0.9))", {}) == {"": 1970}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_what_is_no_time_still_has_parts_as_in_go(value: float) -> None:
    assert instant("year(x)", {"x": str(value)}) == {"": 292277026596}
