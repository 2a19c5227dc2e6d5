import pytest

from observability.promql.durations import format_duration


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
