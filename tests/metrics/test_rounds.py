from __future__ import annotations

from observability.metrics.collectors.rounds import Duty, Rounds


class Clock:
    """A clock that the test turns."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_duty_is_due_on_multiples_of_its_interval() -> None:
    done: list[float] = []
    clock = Clock(101.0)
    rounds = Rounds([Duty(name="d", interval_seconds=15, act=done.append)], now=clock())

    for now in (104.9, 105.0, 106.0, 119.9, 120.0):
        clock.now = now
        rounds.run_due(clock)

    assert done == [105.0, 120.0]


def test_round_that_is_a_little_late_bears_the_time_it_was_due() -> None:
    done: list[float] = []
    rounds = Rounds([Duty(name="d", interval_seconds=15, act=done.append)], now=101.0)

    rounds.run_due(Clock(105.14))

    assert done == [105.0]


def test_round_that_is_late_bears_its_real_time() -> None:
    done: list[float] = []
    rounds = Rounds([Duty(name="d", interval_seconds=15, act=done.append)], now=101.0)

    rounds.run_due(Clock(109.0))

    assert done == [109.0]


def test_missed_rounds_are_not_made_up_for() -> None:
    done: list[float] = []
    clock = Clock(1000.0)
    rounds = Rounds([Duty(name="d", interval_seconds=15, act=done.append)], now=101.0)

    rounds.run_due(clock)
    rounds.run_due(clock)

    assert done == [1000.0]
    assert rounds.next_due() == 1005.0


def test_duty_that_raises_does_not_stop_the_others() -> None:
    done: list[float] = []

    def explode(at: float) -> None:
        raise RuntimeError("no")

    rounds = Rounds(
        [
            Duty(name="bad", interval_seconds=15, act=explode),
            Duty(name="good", interval_seconds=15, act=done.append),
        ],
        now=101.0,
    )

    rounds.run_due(Clock(105.0))

    assert done == [105.0]
