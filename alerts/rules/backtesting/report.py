"""The result of a backtest, as JSON."""

from __future__ import annotations

import statistics
from copy import deepcopy
from typing import Any, TypedDict

from alerts.rules.backtesting.simulation import Progress
from alerts.rules.backtesting.tally import FADED_KEPT, FIRED_KEPT, Tally, longest
from alerts.rules.backtesting.timetable import Timetable
from alerts.rules.thresholds import NumericThreshold
from observability.metrics.json_numbers import json_number

_DAY_MS = 86_400_000


class Totals(TypedDict):
    """The numbers of a backtest; times in milliseconds.

    Of the time within the range only, but that an episode's begin may lie before it.
    """

    fired: int
    pending_only: int
    still_firing: int
    alerts: int
    firing_ms: int
    any_firing_ms: int
    share: float
    longest_ms: int | None
    median_ms: int | None
    longest_pending_ms: int | None
    per_day: float
    at_once: int
    flapping: int


class LabelSetResult(TypedDict):
    """One alert of a backtest."""

    labels: dict[str, str]
    fired: int
    pending_only: int
    firing_ms: int
    is_flapping: bool


class EpisodeResult(TypedDict):
    """One episode: `label_set` is a place in the list of alerts."""

    label_set: int
    active_ms: int
    fired_ms: int | None
    over_ms: int | None
    peak: float | str | None


class Result(TypedDict):
    """What a backtest has found."""

    start_ms: int
    end_ms: int
    covered_ms: int
    step_ms: int
    interval_ms: int
    evaluations: int
    failures: int
    first_failure: dict[str, Any] | None
    notices: list[str]
    totals: Totals
    nearest_miss: dict[str, Any] | None
    label_sets: list[LabelSetResult]
    episodes: list[EpisodeResult]


def report(
    progress: Progress, times: Timetable, threshold: NumericThreshold | None, *, stopped: str = ""
) -> Result:
    """Return the result of a backtest, whether it is at its end or not.

    Args:
        progress: How far it is; left as it is.
        times: Its evaluations.
        threshold: That of its expression.
        stopped: Why it goes no further, when it is not at its end.
    """
    covered_ms = times.end_ms
    if progress.next_ms < times.past_ms:
        covered_ms = min(max(progress.next_ms - times.step_ms, times.start_ms), times.end_ms)
    tally = deepcopy(progress.tally)
    tally.close_all(sorted(progress.memory.active.items()), covered_ms)
    reason = stopped or progress.overflow
    failure = progress.first_failure
    return {
        "start_ms": times.start_ms,
        "end_ms": times.end_ms,
        "covered_ms": covered_ms,
        "step_ms": times.step_ms,
        "interval_ms": times.interval_ms,
        "evaluations": progress.evaluations,
        "failures": progress.failures,
        "first_failure": {"at_ms": failure.at_ms, "message": failure.message} if failure else None,
        "notices": _notices(progress, times, tally, threshold, reason),
        "totals": _totals(tally, covered_ms),
        "nearest_miss": _nearest(progress, threshold, tally),
        "label_sets": [
            {
                "labels": dict(one.labels),
                "fired": one.fired,
                "pending_only": one.faded,
                "firing_ms": one.firing_ms,
                "is_flapping": one.is_flapping,
            }
            for one in tally.label_sets.values()
        ],
        "episodes": [
            {
                "label_set": one.label_set,
                "active_ms": one.active_ms,
                "fired_ms": one.fired_ms,
                "over_ms": one.over_ms,
                "peak": None if one.peak is None else json_number(one.peak),
            }
            for one in sorted(
                [
                    *longest(tally.longest_fired, FIRED_KEPT),
                    *longest(tally.longest_faded, FADED_KEPT),
                ],
                key=lambda one: (one.active_ms, one.label_set),
            )
        ],
    }


def _totals(tally: Tally, covered_ms: int) -> Totals:
    covered = max(covered_ms - tally.start_ms, 1)
    durations = tally.durations_ms
    return {
        "fired": tally.fired,
        "pending_only": tally.faded,
        "still_firing": tally.firing,
        "alerts": sum(1 for one in tally.label_sets.values() if one.fired),
        "firing_ms": sum(durations),
        "any_firing_ms": tally.any_firing_ms,
        "share": min(tally.any_firing_ms / covered, 1.0),
        "longest_ms": max(durations, default=None),
        "median_ms": int(statistics.median(durations)) if durations else None,
        "longest_pending_ms": max((one.length_ms for one in tally.longest_faded), default=None),
        "per_day": tally.fired * _DAY_MS / covered,
        "at_once": tally.most_firing,
        "flapping": sum(one.is_flapping for one in tally.label_sets.values()),
    }


def _nearest(
    progress: Progress, threshold: NumericThreshold | None, tally: Tally
) -> dict[str, Any] | None:
    nearest = progress.nearest
    if nearest is None or threshold is None or tally.has_begun:
        return None
    return {
        "value": json_number(nearest.value),
        "operator": str(threshold.op),
        "threshold": json_number(threshold.value),
        "labels": dict(nearest.labels),
        "at_ms": nearest.at_ms,
    }


def _notices(
    progress: Progress,
    times: Timetable,
    tally: Tally,
    threshold: NumericThreshold | None,
    reason: str,
) -> list[str]:
    notices = [times.notice]
    if reason:
        notices.append(f"Stopped before the end: {reason}. The numbers are of the time before.")
    if progress.failures:
        notices.append(
            f"{progress.failures:,} of {progress.evaluations:,} evaluations failed, as they would "
            f"have then: {progress.first_failure.message if progress.first_failure else ''}"
        )
    if tally.fired > FIRED_KEPT:
        notices.append(f"Of {tally.fired:,} episodes the longest {FIRED_KEPT:,} are listed.")
    if tally.faded > FADED_KEPT:
        notices.append(
            f"Of {tally.faded:,} times that an alert was only pending the longest {FADED_KEPT:,} are listed."
        )
    if threshold is not None and not progress.has_data and not tally.has_begun:
        notices.append(f"There were no samples of {threshold.watched} in this time.")
    return [notice for notice in notices if notice]
