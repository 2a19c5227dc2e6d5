"""What came of the evaluations of a backtest, alert by alert and in all."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from alerts.rules.states import Change, Episode, State
from observability.promql.labels import LabelSet

FLAPPING_EPISODES = 4
FLAPPING_MS = 3_600_000
"""An alert flaps when it fires this often within this time."""

MOST_FIRED = 100_000
MOST_LABEL_SETS = 10_000
MOST_ACTIVE = 10_000
"""A backtest ends where there are more: such a rule helps nobody, and memory is bounded."""

FIRED_KEPT = 3_000
FADED_KEPT = 1_000
"""How many episodes that fired, and that did not, are listed: the longest. All are counted."""


@dataclass(slots=True, kw_only=True)
class LabelSetTally:
    """What came of one alert.

    Attributes:
        place: Its place among all, in the order in which they came.
        labels: Its label set.
        fired: How often it fired.
        faded: How often it was pending and did not fire.
        firing_ms: How long it fired in all.
        fired_at_ms: When it fired last, as often as it takes to flap.
        is_flapping: Whether it has flapped.
    """

    place: int
    labels: LabelSet
    fired: int = 0
    faded: int = 0
    firing_ms: int = 0
    fired_at_ms: list[int] = field(default_factory=list)
    is_flapping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEpisode:
    """One episode of one alert.

    Attributes:
        label_set: Place of its label set among all that there were.
        active_ms: When it became pending.
        fired_ms: When it began to fire; None when it never did.
        over_ms: When it was resolved or, never having fired, went away; None while it is active.
        length_ms: How long it fired or, never having fired, was pending.
        peak: The worst value that the expression gave; None where that is not known.
    """

    label_set: int
    active_ms: int
    fired_ms: int | None
    over_ms: int | None
    length_ms: int
    peak: float | None


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts episodes as they end; what is over before the range begins does not count.

    Attributes:
        start_ms: Begin of the range.
        is_downwards: Whether the lowest value of an episode is its peak.
        label_sets: By fingerprint, in the order in which they came.
        fired: How many episodes fired.
        faded: How many did not.
        longest_fired: Those of the first kind that fired longest, at least `FIRED_KEPT`.
        longest_faded: Those of the second that were pending longest, at least `FADED_KEPT`.
        durations_ms: How long each that fired did so, within the range.
        peaks: The worst value by now of those that are active, by fingerprint.
        firing: How many fire now.
        firing_since_ms: Since when at least one does.
        any_firing_ms: How long at least one did, until the last time that none did.
        most_firing: The most that fired at once.
        has_begun: Whether anything was ever active.
    """

    start_ms: int
    is_downwards: bool = False
    label_sets: dict[str, LabelSetTally] = field(default_factory=dict)
    fired: int = 0
    faded: int = 0
    longest_fired: list[PastEpisode] = field(default_factory=list)
    longest_faded: list[PastEpisode] = field(default_factory=list)
    durations_ms: list[int] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    firing: int = 0
    firing_since_ms: int = 0
    any_firing_ms: int = 0
    most_firing: int = 0
    has_begun: bool = False

    @property
    def overflow(self) -> str:
        """Why no more can be counted; '' as long as it can."""
        if self.fired > MOST_FIRED:
            return f"it fired more than {MOST_FIRED:,} times"
        if len(self.label_sets) > MOST_LABEL_SETS:
            return f"there were more than {MOST_LABEL_SETS:,} alerts with different labels"
        if len(self.peaks) > MOST_ACTIVE:
            return f"more than {MOST_ACTIVE:,} alerts were active at once"
        return ""

    def note(self, changes: Iterable[Change], at_ms: int) -> None:
        """Count what an evaluation has changed."""
        before = self.firing
        for change in changes:
            self.has_begun = True
            if change.after is not None:
                self.note_value(change.fingerprint, change.after.value)
            match change.entered:
                case State.FIRING:
                    self.firing += 1
                case State.RESOLVED if change.after is not None:
                    self.firing -= 1
                    self._close(change.fingerprint, change.after, at_ms)
                case _ if change.after is None and change.before is not None:
                    self._close(change.fingerprint, change.before, at_ms)
        if before == 0 and self.firing > 0:
            self.firing_since_ms = max(at_ms, self.start_ms)
        elif before > 0 and self.firing == 0:
            self.any_firing_ms += max(at_ms - self.firing_since_ms, 0)
        if at_ms >= self.start_ms:
            self.most_firing = max(self.most_firing, self.firing)

    def note_value(self, fingerprint: str, value: float) -> None:
        """Take a value of an active alert for its peak when it is worse than all before."""
        peak = self.peaks.get(fingerprint, math.nan)
        is_worse = value < peak if self.is_downwards else value > peak
        if is_worse or math.isnan(peak):
            self.peaks[fingerprint] = value

    def close_all(self, active: Iterable[tuple[str, Episode]], end_ms: int) -> None:
        """Count what is still active at the end; it has no end of its own."""
        if self.firing:
            self.any_firing_ms += max(end_ms - self.firing_since_ms, 0)
        for fingerprint, episode in active:
            self._close(fingerprint, episode, end_ms, is_over=False)

    def _close(
        self, fingerprint: str, episode: Episode, at_ms: int, *, is_over: bool = True
    ) -> None:
        peak = self.peaks.pop(fingerprint, None)
        if at_ms < self.start_ms:
            return
        label_set = self.label_sets.get(fingerprint)
        if label_set is None:
            label_set = LabelSetTally(place=len(self.label_sets), labels=episode.labels)
            self.label_sets[fingerprint] = label_set
        since_ms = episode.fired_at_ms
        if since_ms is None:
            since_ms = episode.active_at_ms
            self.faded += is_over
            label_set.faded += is_over
        else:
            self._count_fired(label_set, since_ms, at_ms)
        past = PastEpisode(
            label_set=label_set.place,
            active_ms=episode.active_at_ms,
            fired_ms=episode.fired_at_ms,
            over_ms=at_ms if is_over else None,
            length_ms=at_ms - since_ms,
            peak=None if peak is None or math.isnan(peak) else peak,
        )
        if episode.fired_at_ms is None:
            _keep_longest(self.longest_faded, past, FADED_KEPT)
        else:
            _keep_longest(self.longest_fired, past, FIRED_KEPT)

    def _count_fired(self, label_set: LabelSetTally, fired_at_ms: int, at_ms: int) -> None:
        duration_ms = at_ms - max(fired_at_ms, self.start_ms)
        self.fired += 1
        self.durations_ms.append(duration_ms)
        label_set.fired += 1
        label_set.firing_ms += duration_ms
        times = [*label_set.fired_at_ms, fired_at_ms][-FLAPPING_EPISODES:]
        label_set.fired_at_ms = times
        if len(times) == FLAPPING_EPISODES and times[-1] - times[0] <= FLAPPING_MS:
            label_set.is_flapping = True


def _keep_longest(kept: list[PastEpisode], episode: PastEpisode, count: int) -> None:
    """Add an episode, and drop the shortest now and then, so that at least `count` are kept."""
    kept.append(episode)
    if len(kept) > 2 * count:
        kept[:] = longest(kept, count)


def longest(episodes: Sequence[PastEpisode], count: int) -> list[PastEpisode]:
    """Return the longest of some episodes, the longest first; those without an end before all."""
    return heapq.nlargest(count, episodes, key=lambda one: (one.over_ms is None, one.length_ms))
