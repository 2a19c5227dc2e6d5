"""A rule evaluated over the past.

Every evaluation is one by `evaluate_rule`, with what the rule remembers of the one before. One is
left out only where it would do the same as the last: where all that was asked gives the same series
again, the last evaluation has changed no state, and no alert has waited long enough for another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from alerts.rules.backtesting.answers import Part, PartTooLongError, Source
from alerts.rules.backtesting.nearest_miss import NearestMiss, nearest_miss
from alerts.rules.backtesting.tally import Tally
from alerts.rules.backtesting.timetable import Timetable
from alerts.rules.errors import RuleEvaluationError
from alerts.rules.fingerprints import fingerprint_of
from alerts.rules.rule_evaluation import (
    NOTHING,
    AlertingRule,
    Evaluation,
    Memory,
    evaluate_failed_rule,
    evaluate_rule,
)
from alerts.rules.states import Change, Expand, State
from alerts.rules.thresholds import numeric_threshold_of
from observability.promql import PromQLError
from observability.promql.labels import LabelSet, drop_metric_name, label_set

LONGEST_PART = 5_000
"""Evaluations that are asked for at once; a range query has at most 11,000 steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An evaluation that failed.

    Attributes:
        at_ms: When.
        message: Why.
    """

    at_ms: int
    message: str


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a backtest is: all that it takes to go on.

    Attributes:
        next_ms: The evaluation that comes next.
        tally: What came of those before.
        memory: What the rule remembers of the last one.
        part_length: How many evaluations are asked for at once.
        evaluations: How many evaluations there were.
        failures: How many of them failed.
        first_failure: The first of these.
        nearest: What came nearest to the threshold before anything was active.
        has_data: Whether what is compared with the threshold had any value.
        overflow: Why it ended too early; '' when it did not.
        seconds: How long workers have been at it.
    """

    next_ms: int
    tally: Tally
    memory: Memory = NOTHING
    part_length: int = LONGEST_PART
    evaluations: int = 0
    failures: int = 0
    first_failure: Failure | None = None
    nearest: NearestMiss | None = None
    has_data: bool = False
    overflow: str = ""
    seconds: float = 0.0


def begin(rule: AlertingRule, times: Timetable) -> Progress:
    """Return the progress of a backtest that has not begun."""
    threshold = numeric_threshold_of(rule.expr)
    tally = Tally(
        start_ms=times.start_ms, is_downwards=threshold is not None and threshold.direction < 0
    )
    return Progress(
        next_ms=times.first_ms,
        tally=tally,
        part_length=LONGEST_PART if times.is_ahead else 1,
    )


class Simulation:
    """Evaluates a rule from where its progress stands."""

    def __init__(
        self,
        rule: AlertingRule,
        times: Timetable,
        progress: Progress,
        *,
        source: Source,
        expander: Callable[[int], Expand],
        query_offset_ms: int = 0,
        limit: int = 0,
        longest_part: int = LONGEST_PART,
    ) -> None:
        """Take up a backtest.

        Args:
            rule: The rule.
            times: When it is evaluated.
            progress: Where it stands; it is changed.
            source: Answers expressions.
            expander: Gives, for a time, what fills in templates.
            query_offset_ms: How far before an evaluation its expression is asked.
            limit: How many alerts there may be; 0 for any number.
            longest_part: How many evaluations may be asked for at once.
        """
        # Nobody reads the annotations.
        self._rule = replace(rule, terms=replace(rule.terms, annotations={}))
        self._times = times
        self._progress = progress
        self._source = source
        self._expander = expander
        self._offset_ms = query_offset_ms
        self._limit = limit
        self._longest_part = longest_part
        self._threshold = numeric_threshold_of(rule.expr)
        # Labels that are filled in may be others with each value.
        self._has_templates = any("{{" in text for text in rule.terms.labels.values())
        self._fingerprints: dict[LabelSet, str] = {}

    def run(self) -> Iterator[None]:
        """Evaluate to the end; after each evaluation the progress is complete, and one can stop."""
        progress = self._progress
        while progress.next_ms < self._times.past_ms and not progress.overflow:
            left = (self._times.past_ms - progress.next_ms) // self._times.step_ms
            length = min(progress.part_length, left)
            try:
                yield from self._through(self._part(length), length)
            except PartTooLongError:
                progress.part_length = max(length // 2, 1)
                continue
            if self._times.is_ahead:
                progress.part_length = min(progress.part_length * 2, self._longest_part)

    def _part(self, length: int) -> Part:
        return Part(
            self._source,
            first_ms=self._progress.next_ms - self._offset_ms,
            step_ms=self._times.step_ms,
            count=length,
        )

    def _through(self, part: Part, length: int) -> Iterator[None]:
        """Evaluate at the times of a part."""
        progress, step_ms = self._progress, self._times.step_ms
        end_ms = progress.next_ms + length * step_ms
        self._look_at_misses(part)
        while progress.next_ms < end_ms and not progress.overflow:
            at_ms = progress.next_ms
            evaluation, failure = self._evaluate(part, at_ms)
            is_stirring = self._has_templates or any(map(_is_stirring, evaluation.changes))
            following_ms = at_ms + step_ms
            if not is_stirring:
                same_ms = part.same_until(at_ms - self._offset_ms) + self._offset_ms
                following_ms = min(same_ms, self._next_timer(evaluation.memory, at_ms), end_ms)
            self._take(evaluation, failure, at_ms, (following_ms - at_ms) // step_ms)
            if following_ms > at_ms + step_ms and failure is None:
                self._note_peaks(part, at_ms + step_ms, following_ms)
            progress.next_ms = following_ms
            yield

    def _evaluate(self, part: Part, at_ms: int) -> tuple[Evaluation, Failure | None]:
        memory = self._progress.memory
        expand = self._expander(at_ms)
        try:
            evaluation = evaluate_rule(
                self._rule,
                memory,
                part.query,
                at_ms=at_ms,
                query_offset_ms=self._offset_ms,
                limit=self._limit,
                expand=expand,
            )
        except (PromQLError, RuleEvaluationError) as error:
            evaluation = evaluate_failed_rule(self._rule, memory, at_ms=at_ms, expand=expand)
            return evaluation, Failure(at_ms=at_ms, message=str(error))
        return evaluation, None

    def _take(
        self, evaluation: Evaluation, failure: Failure | None, at_ms: int, count: int
    ) -> None:
        """Remember what evaluations have done, `count` of which did the same."""
        progress = self._progress
        # Without the series that it would write: nothing is written.
        progress.memory = Memory(active=evaluation.memory.active)
        progress.tally.note(evaluation.changes, at_ms)
        progress.evaluations += count
        if failure is not None:
            progress.failures += count
            progress.first_failure = progress.first_failure or failure
        progress.overflow = progress.tally.overflow

    def _next_timer(self, memory: Memory, at_ms: int) -> int:
        """Return the evaluation at which the next alert has waited long enough."""
        terms, step_ms = self._rule.terms, self._times.step_ms
        ends = []
        for episode in memory.active.values():
            if episode.state is State.PENDING:
                ends.append(episode.active_at_ms + terms.hold_ms)
            elif episode.keep_firing_since_ms is not None:
                ends.append(episode.keep_firing_since_ms + terms.keep_firing_ms)
        end_ms = min((end for end in ends if end > at_ms), default=self._times.past_ms)
        return at_ms + -(-(end_ms - at_ms) // step_ms) * step_ms

    def _note_peaks(self, part: Part, from_ms: int, until_ms: int) -> None:
        """Look at the values of evaluations that are left out."""
        tally = self._progress.tally
        if not tally.peaks:
            return
        series, rows = part.values(
            self._rule.expr, from_ms - self._offset_ms, until_ms - self._offset_ms
        )
        # These two leave out NaN.
        worst = (np.fmin if tally.is_downwards else np.fmax).reduce(rows, axis=0)
        for labels, value in zip(series, worst.tolist(), strict=True):
            fingerprint = self._fingerprint(labels)
            if fingerprint in tally.peaks:
                tally.note_value(fingerprint, value)

    def _fingerprint(self, series: LabelSet) -> str:
        known = self._fingerprints.get(series)
        if known is None:
            labels = {**dict(drop_metric_name(series)), **self._rule.terms.labels}
            known = self._fingerprints[series] = fingerprint_of(label_set(labels))
        return known

    def _look_at_misses(self, part: Part) -> None:
        """Note what came nearest to the threshold, as long as nothing has crossed it."""
        progress, threshold = self._progress, self._threshold
        if threshold is None or progress.tally.has_begun:
            return
        try:
            matrix = part.all_values(threshold.watched)
        except PromQLError:
            # The expression fails for the same reason, and that is told.
            return
        progress.has_data = progress.has_data or len(matrix) > 0
        found = nearest_miss(matrix, threshold)
        if found and (progress.nearest is None or found.distance < progress.nearest.distance):
            progress.nearest = found


def _is_stirring(change: Change) -> bool:
    """Say whether a change is more than one of the value."""
    before, after = change.before, change.after
    return (
        before is None
        or after is None
        or before.state is not after.state
        or before.keep_firing_since_ms != after.keep_firing_since_ms
        or before.no_data_since_ms != after.no_data_since_ms
    )
