from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.schedule import iteration, last_aligned

GROUP_IDS = st.integers(1, 2**40)
INTERVALS = st.integers(1, 86_400).map(lambda seconds: seconds * 1000)
TIMES = st.integers(10**12, 2 * 10**12)


@given(group_id=GROUP_IDS, interval_ms=INTERVALS, at_ms=TIMES)
def test_aligned_times_are_one_interval_apart(group_id: int, interval_ms: int, at_ms: int) -> None:
    aligned = last_aligned(group_id=group_id, interval_ms=interval_ms, at_ms=at_ms)

    assert 0 <= at_ms - aligned < interval_ms
    assert (
        last_aligned(group_id=group_id, interval_ms=interval_ms, at_ms=aligned + interval_ms)
        == aligned + interval_ms
    )


def test_groups_are_spread_over_the_interval() -> None:
    offsets = {
        last_aligned(group_id=group_id, interval_ms=15_000, at_ms=15_000_000) % 15_000 // 1000
        for group_id in range(1, 61)
    }

    assert len(offsets) == 15


@given(group_id=GROUP_IDS, interval_ms=INTERVALS, now_ms=TIMES)
def test_a_group_evaluated_in_time_misses_nothing(
    group_id: int, interval_ms: int, now_ms: int
) -> None:
    due_ms = last_aligned(group_id=group_id, interval_ms=interval_ms, at_ms=now_ms)

    turn = iteration(group_id=group_id, interval_ms=interval_ms, due_ms=due_ms, now_ms=now_ms)

    assert (turn.at_ms, turn.next_ms, turn.missed) == (due_ms, due_ms + interval_ms, 0)


def test_of_several_times_that_have_passed_the_last_is_evaluated() -> None:
    due_ms = last_aligned(group_id=1, interval_ms=15_000, at_ms=1_000_000)

    turn = iteration(group_id=1, interval_ms=15_000, due_ms=due_ms, now_ms=due_ms + 46_000)

    assert turn.at_ms == due_ms + 45_000
    assert turn.missed == 3


def test_a_group_made_due_is_evaluated_as_of_that_moment() -> None:
    aligned_ms = last_aligned(group_id=1, interval_ms=15_000, at_ms=1_000_000)

    turn = iteration(
        group_id=1, interval_ms=15_000, due_ms=aligned_ms + 700, now_ms=aligned_ms + 900
    )

    assert (turn.at_ms, turn.next_ms, turn.missed) == (aligned_ms + 700, aligned_ms + 15_000, 0)
