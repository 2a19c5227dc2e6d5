from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.templating.clock_parsing import parse_time
from alerts.templating.layouts import format_clock
from alerts.templating.times import Time

RFC_3339 = "2006-01-02T15:04:05.999999999Z07:00"


@pytest.mark.parametrize(
    ("layout", "text", "expected"),
    [
        (RFC_3339, "2024-03-05T06:07:08Z", "2024-03-05 06:07:08 +0000 UTC"),
        (RFC_3339, "2024-03-05T06:07:08.5+02:00", "2024-03-05 06:07:08.5 +0200 +0200"),
        ("2006-01-02", "2024-02-29", "2024-02-29 00:00:00 +0000 UTC"),
        ("Jan _2 2006 3:04PM", "Mar  5 2024 6:07PM", "2024-03-05 18:07:00 +0000 UTC"),
        (
            "Monday, January 2 2006 03:04 pm",
            "Tuesday, March 5 2024 12:07 am",
            "2024-03-05 00:07:00 +0000 UTC",
        ),
        ("02/01/06 15:04:05", "05/03/24 06:07:08.25", "2024-03-05 06:07:08.25 +0000 UTC"),
        ("2006 002", "2024 060", "2024-02-29 00:00:00 +0000 UTC"),
        (
            "2006-01-02 15:04:05 -0700 MST",
            "2024-03-05 06:07:08 +0000 UTC",
            "2024-03-05 06:07:08 +0000 UTC",
        ),
        ("15:04 MST", "06:07 CET", "0000-01-01 06:07:00 +0000 CET"),
        ("15:04:05.000", "06:07:08.123", "0000-01-01 06:07:08.123 +0000 UTC"),
    ],
    ids=[
        "utc",
        "offset",
        "date",
        "afternoon",
        "names",
        "fraction",
        "year day",
        "zone",
        "zone name",
        "millis",
    ],
)
def test_a_text_is_read_by_its_layout(layout: str, text: str, expected: str) -> None:
    assert Time.methods["String"].call(parse_time(layout, text)) == expected


@pytest.mark.parametrize(
    ("layout", "text", "message"),
    [
        (
            "2006-01-02",
            "2024-3-05",
            'parsing time "2024-3-05" as "2006-01-02": cannot parse "3-05" as "01"',
        ),
        ("2006-01-02", "2024-13-05", 'parsing time "2024-13-05": month out of range'),
        ("2006-01-02", "2023-02-29", 'parsing time "2023-02-29": day out of range'),
        ("2006-01-02", "2024-03-05x", 'parsing time "2024-03-05x": extra text: "x"'),
        ("2006-01-02", "", 'parsing time "" as "2006-01-02": cannot parse "" as "2006"'),
        ("15:04", "25:00", 'parsing time "25:00": hour out of range'),
        ("Jan", "Foo", 'parsing time "Foo" as "Jan": cannot parse "Foo" as "Jan"'),
        ("2006-01", "2024/01", 'parsing time "2024/01" as "2006-01": cannot parse "/01" as "-"'),
        ("Z07:00", "+25:00", 'parsing time "+25:00": time zone offset hour out of range'),
    ],
    ids=["digits", "month", "day", "extra", "empty", "hour", "name", "sign", "zone"],
)
def test_another_text_is_refused_in_the_words_of_go(layout: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^parsing time") as raised:
        parse_time(layout, text)

    assert str(raised.value) == message


@given(st.integers(-(2**62), 2**62))
def test_a_time_reads_back_from_what_it_prints(unix_ns: int) -> None:
    shown = format_clock(Time(unix_ns).clock(), RFC_3339)

    assert parse_time(RFC_3339, shown).unix_ns == unix_ns


@given(st.text(), st.text())
def test_any_text_and_layout_is_read_or_refused(layout: str, text: str) -> None:
    with suppress(ValueError):
        parse_time(layout, text)
