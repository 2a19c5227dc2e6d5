import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql.durations import format_duration, parse_duration_ms


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (0, "0s"),
        (1, "1ms"),
        (90 * 60_000, "1h30m"),
        (14 * 86_400_000, "2w"),
        (8 * 86_400_000, "8d"),
        (365 * 86_400_000, "1y"),
        (-300_000, "-5m"),
        (90_061_001, "1d1h1m1s1ms"),
    ],
)
def test_a_duration_is_written_as_prometheus_writes_it(duration_ms: int, text: str) -> None:
    assert format_duration(duration_ms) == text


@given(st.integers(0, 10**12))
def test_a_duration_that_is_written_is_read_as_the_same(duration_ms: int) -> None:
    text = format_duration(duration_ms)

    assert parse_duration_ms(text) == duration_ms


@pytest.mark.parametrize("text", ["", "5", "-5m", "5m1h", "1.5h", "1s1s", "٣s", "293y", "1 h"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration_ms(text)
