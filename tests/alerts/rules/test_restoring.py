from __future__ import annotations

from alerts.rules.restoring import GRACE_MS, TOLERANCE_MS, restored
from alerts.rules.states import Episode, State, Terms

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def clock_after(*, hold_ms: int, active_at_ms: int, seen_ms: int, at_ms: int) -> int | None:
    """Since when a pending alert is active after an outage; None when the outage changed nothing."""
    episode = Episode(
        labels=(), annotations={}, value=1.0, state=State.PENDING, active_at_ms=active_at_ms
    )
    found = restored(
        {"a": episode},
        terms=Terms(hold_ms=hold_ms, labels={}, annotations={}),
        seen_ms=seen_ms,
        at_ms=at_ms,
        interval_ms=15_000,
    )
    return found["a"].active_at_ms if found else None


def test_a_late_evaluation_is_no_outage() -> None:
    assert clock_after(hold_ms=HOUR_MS, active_at_ms=0, seen_ms=0, at_ms=45_000) is None


def test_time_that_nobody_watched_does_not_count() -> None:
    active_ms = clock_after(
        hold_ms=5 * MINUTE_MS, active_at_ms=0, seen_ms=MINUTE_MS, at_ms=21 * MINUTE_MS
    )

    assert active_ms == 20 * MINUTE_MS


def test_a_long_clock_ends_no_sooner_than_a_grace_period_after_the_outage() -> None:
    at_ms = 2 * HOUR_MS

    active_ms = clock_after(
        hold_ms=HOUR_MS, active_at_ms=0, seen_ms=HOUR_MS - MINUTE_MS, at_ms=HOUR_MS + 30 * MINUTE_MS
    )

    assert active_ms == HOUR_MS + 30 * MINUTE_MS + GRACE_MS - HOUR_MS
    assert at_ms > active_ms


def test_after_a_very_long_outage_the_clock_starts_anew() -> None:
    at_ms = TOLERANCE_MS + MINUTE_MS

    assert clock_after(hold_ms=HOUR_MS, active_at_ms=0, seen_ms=0, at_ms=at_ms) == at_ms


def test_firing_alerts_are_left_as_they_are() -> None:
    episode = Episode(
        labels=(), annotations={}, value=1.0, state=State.FIRING, active_at_ms=0, fired_at_ms=0
    )

    assert (
        restored(
            {"a": episode},
            terms=Terms(labels={}, annotations={}),
            seen_ms=0,
            at_ms=10 * MINUTE_MS,
            interval_ms=15_000,
        )
        == {}
    )
