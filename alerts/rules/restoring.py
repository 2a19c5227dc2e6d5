"""Clocks of `for` after an outage, in which nobody saw whether conditions held.

Rows survive a restart, so a short one changes nothing. After an outage a pending alert is treated
as Prometheus treats one that it restores: the time that nobody watched does not count towards
`for`, and an alert with a long `for` fires no sooner than a grace period after the outage. After a
very long one its clock starts anew. Firing alerts go on firing.

Source: Prometheus 3, rules/group.go (`RestoreForState`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from alerts.rules.states import Episode, State, Terms

TOLERANCE_MS = 3_600_000
"""How long an outage may last for clocks to be restored: Prometheus's `for-outage-tolerance`."""

GRACE_MS = 600_000
"""How long after an outage alerts with a longer `for` wait at least: its `for-grace-period`."""

_MISSED_ITERATIONS = 3
"""A gap of so many intervals is an outage, and not a group that was a little late."""


def restored(
    active: Mapping[str, Episode],
    *,
    terms: Terms,
    seen_ms: int | None,
    at_ms: int,
    interval_ms: int,
) -> dict[str, Episode]:
    """Return those pending alerts whose clocks an outage has changed.

    Args:
        active: Pending and firing alerts of a rule, by fingerprint.
        terms: What the rule says.
        seen_ms: The time of the last evaluation; None when there was none.
        at_ms: The time of this one.
        interval_ms: From one evaluation to the next.
    """
    gap_ms = 0 if seen_ms is None else at_ms - seen_ms
    if seen_ms is None or gap_ms <= _MISSED_ITERATIONS * interval_ms:
        return {}
    return {
        key: replace(
            episode,
            active_at_ms=_active_at(episode, hold_ms=terms.hold_ms, seen_ms=seen_ms, at_ms=at_ms),
        )
        for key, episode in active.items()
        if episode.state is State.PENDING
    }


def _active_at(episode: Episode, *, hold_ms: int, seen_ms: int, at_ms: int) -> int:
    gap_ms = at_ms - seen_ms
    if gap_ms > TOLERANCE_MS:
        return at_ms
    remaining_ms = hold_ms - (seen_ms - episode.active_at_ms)
    if hold_ms >= GRACE_MS and remaining_ms < GRACE_MS:
        return at_ms + GRACE_MS - hold_ms
    return episode.active_at_ms + gap_ms
