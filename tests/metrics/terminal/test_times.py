from __future__ import annotations

import pytest

from observability.metrics.terminal.moments import utc_text
from observability.metrics.terminal.times import parse_step_ms, parse_time_ms, usual_step_ms

NOW = 1_760_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("now", NOW, id="now"),
        pytest.param("-1h", NOW - 3_600_000, id="an hour ago"),
        pytest.param("now-1h30m", NOW - 5_400_000, id="an hour and a half ago"),
        pytest.param("now+5m", NOW + 300_000, id="in five minutes"),
        pytest.param("1760000000.5", NOW + 500, id="unix seconds"),
        pytest.param("-5", -5000, id="before 1970"),
        pytest.param("2025-10-09T08:53:20Z", NOW, id="utc"),
        pytest.param("2025-10-09T10:53:20+02:00", NOW, id="another zone"),
    ],
)
def test_times_are_read(text: str, expected: int) -> None:
    assert parse_time_ms(text, now_ms=NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "now-5", "-1h-", "now 5m", "-1x"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a valid|cannot parse|unknown unit"):
        parse_time_ms(text, now_ms=NOW)


@pytest.mark.parametrize(("text", "expected"), [("15", 15_000), ("0.5", 500), ("5m", 300_000)])
def test_steps_are_read(text: str, expected: int) -> None:
    assert parse_step_ms(text) == expected


@pytest.mark.parametrize("text", ["0", "-5", "nothing", "inf"])
def test_what_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected more than 0|not a valid duration|cannot"):
        parse_step_ms(text)


def test_a_range_has_about_250_points() -> None:
    assert usual_step_ms(0, 3_600_000) == 14_000
    assert usual_step_ms(0, 1_000) == 1_000


@pytest.mark.parametrize(
    ("timestamp_ms", "text"),
    [
        (NOW, "2025-10-09T08:53:20Z"),
        (NOW + 5, "2025-10-09T08:53:20.005Z"),
        (10**15, "1000000000000.000"),
    ],
)
def test_times_are_shown_so_that_they_can_be_typed(timestamp_ms: int, text: str) -> None:
    assert utc_text(timestamp_ms) == text
    assert parse_time_ms(text, now_ms=0) == timestamp_ms
