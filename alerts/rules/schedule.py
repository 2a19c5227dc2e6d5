"""When rule groups are evaluated: at aligned times, spread over the interval.

The times of a group are the multiples of its interval, shifted by an offset of its own
that never changes, so that groups of one interval do not all come due at once.
"""

from __future__ import annotations

from dataclasses import dataclass

# Knuth's multiplicative hash: neighbouring ids end up far apart.
_MULTIPLIER = 2_654_435_761


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One evaluation of a group.

    Attributes:
        at_ms: The time as of which its expressions are evaluated.
        next_ms: When the following one is due.
        missed: How many were due before it and never happened.
    """

    at_ms: int
    next_ms: int
    missed: int


def iteration(*, group_id: int, interval_ms: int, due_ms: int, now_ms: int) -> Iteration:
    """Return the iteration to run at `now_ms` for a group that was due at `due_ms`.

    `due_ms` is an aligned time, or the moment at which somebody made the group due;
    of several aligned times that have passed since, only the last is evaluated.
    """
    at_ms = max(due_ms, last_aligned(group_id=group_id, interval_ms=interval_ms, at_ms=now_ms))
    return Iteration(
        at_ms=at_ms,
        next_ms=last_aligned(group_id=group_id, interval_ms=interval_ms, at_ms=at_ms) + interval_ms,
        missed=(at_ms - due_ms) // interval_ms,
    )


def last_aligned(*, group_id: int, interval_ms: int, at_ms: int) -> int:
    """Return the last aligned time of a group that is not after `at_ms`."""
    offset_ms = (group_id * _MULTIPLIER % 2**32) * interval_ms // 2**32
    return (at_ms - offset_ms) // interval_ms * interval_ms + offset_ms
