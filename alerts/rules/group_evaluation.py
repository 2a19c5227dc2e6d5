"""One iteration of one group: what its rules give, record and change. Nothing is written here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import Error, connection

from alerts.models import Rule
from alerts.rules.answers import Answer, answer, family_answers
from alerts.rules.claims import Claim
from alerts.rules.episodes import NONE_ACTIVE, ActiveAlerts, RuleChanges
from alerts.rules.errors import GroupTimeoutError, LeaseLostError, RuleEvaluationError
from alerts.rules.expansion import expander
from alerts.rules.fresh_samples import WithFreshSamples
from alerts.rules.moments import milliseconds, moment
from alerts.rules.plans import GroupPlan, PlannedRule
from alerts.rules.recorded_series import series_recorded_at
from alerts.rules.restoring import restored
from alerts.rules.rule_evaluation import (
    AlertingRule,
    Evaluation,
    Memory,
    Sample,
    alert_samples,
    evaluate_failed_rule,
    evaluate_rule,
    result_vector,
)
from alerts.rules.states import Change, Episode, Expand, Otherwise, State
from observability.metrics.backend import MetricsBackend
from observability.promql import Limits, QueryOptions
from observability.promql.errors import PromQLError
from observability.promql.labels import LabelSet
from observability.promql.staleness import STALE_NAN
from observability.promql.storage import Storage
from observability.promql.syntax import Expr
from observability.promql.values import Value

QUERY_TIMEOUT_SECONDS = 20.0
GROUP_TIMEOUT_SECONDS = 30.0
"""After this, the rules of a group that have not had their turn get none in this iteration."""

MAX_SAMPLES = 10_000_000
"""How many samples and points the query of a rule may hold at once; a person's may hold five times as many."""

TEMPLATES_SECONDS = 10.0
"""What all templates of a rule may take in one evaluation."""

_LEAST_TEMPLATES_SECONDS = 2.0
"""The same where the time of the group is nearly over; within the time limit of the task."""

MAX_ALERTS = 10_000
"""How many alerts a rule of a group without a limit may have."""

_NONE_ENTERED: Mapping[State, int] = Counter()
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """What one evaluation of one rule did.

    Attributes:
        rule: The rule.
        at: As of when it was evaluated.
        duration_ms: What its query took.
        error: Why its alerts stay as they are; '' when all went well.
        entered: How many alerts have come to each state.
        active: How many alerts are in each state now.
        samples: How many samples it has written.
    """

    rule: Rule
    at: datetime
    duration_ms: float
    error: str = ""
    entered: Mapping[State, int] = field(default_factory=dict)
    active: Mapping[State, int] = field(default_factory=dict)
    samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEvaluation:
    """What one iteration of a group gave, to be recorded.

    Attributes:
        claim: The iteration.
        plan: The rules that were evaluated.
        outcomes: What each did, in their order.
        changes: What became of alerts.
        samples: What is written, all as of `timestamp_ms`.
        timestamp_ms: The time of the samples.
        recorded: The series of each recording rule, by its id.
        duration_ms: What all took.
    """

    claim: Claim
    plan: GroupPlan
    outcomes: list[RuleOutcome]
    changes: list[RuleChanges]
    samples: list[Sample]
    timestamp_ms: int
    recorded: dict[int, frozenset[LabelSet]]
    duration_ms: float

    def with_claim(self, claim: Claim) -> GroupEvaluation:
        """Return the same for a claim whose lease was renewed meanwhile."""
        return self if claim is self.claim else replace(self, claim=claim)


class GroupEvaluator:
    """Evaluates the rules of a claimed group in their order.

    Args:
        claim: The iteration.
        plan: The group's rules.
        active: Their pending and firing alerts, by rule id.
        storage: What was read together for all.
        backend: Where the metrics are.
        keep_lease: Called between queries.
    """

    def __init__(
        self,
        claim: Claim,
        plan: GroupPlan,
        *,
        active: Mapping[int, ActiveAlerts],
        storage: Storage,
        backend: MetricsBackend,
        keep_lease: Callable[[], None],
    ) -> None:
        self._claim = claim
        self._plan = plan
        self._active = active
        self._storage = WithFreshSamples(storage)
        self._backend = backend
        self._keep_lease = keep_lease
        self._asked_ms = claim.at_ms - plan.query_offset_ms
        self._deadline = time.monotonic() + GROUP_TIMEOUT_SECONDS
        self._changes: list[RuleChanges] = []
        self._samples: list[Sample] = []
        self._recorded: dict[int, frozenset[LabelSet]] = {}
        evaluated_at = claim.group.evaluated_at
        self._seen_ms = None if evaluated_at is None else milliseconds(evaluated_at)

    def evaluate(self) -> GroupEvaluation:
        """Evaluate all rules once."""
        began = time.perf_counter()
        ready = family_answers(self._plan, self._ask, at_ms=self._asked_ms)
        outcomes = [
            self._evaluate(planned, ready.get(place))
            for place, planned in enumerate(self._plan.rules)
        ]
        return GroupEvaluation(
            claim=self._claim,
            plan=self._plan,
            outcomes=outcomes,
            changes=self._changes,
            samples=self._without_contradictions(),
            timestamp_ms=self._asked_ms,
            recorded=self._recorded,
            duration_ms=(time.perf_counter() - began) * 1000,
        )

    def _evaluate(self, planned: PlannedRule, ready: Answer | None) -> RuleOutcome:
        active = self._active.get(planned.row.pk, NONE_ACTIVE)
        rule = planned.rule
        if ready is not None and not ready.vector and not active.ids and _is_quiet(rule):
            # Most rules, most of the time: nothing is there, and nothing was.
            return self._outcome(planned, ready)
        found, error = ready, planned.error
        evaluation: Evaluation | None = None
        if rule is not None:
            try:
                found = found or answer(rule.expr, self._ask, at_ms=self._asked_ms)
                evaluation = self._take(planned, found, active)
            except (PromQLError, RuleEvaluationError) as problem:
                error = str(problem)
            except (SoftTimeLimitExceeded, LeaseLostError):
                raise
            except Exception as problem:  # A bug met by one rule must not stop the others.
                if isinstance(problem, Error) and not connection.is_usable():
                    # Not the rule's fault, and nothing could be recorded: the next worker does it all.
                    raise
                _log.exception("rule not evaluated", rule=planned.row.name, rule_id=planned.row.pk)
                error = f"internal error: {problem}"
        if error and isinstance(rule, AlertingRule):
            evaluation = self._fail(planned, rule, active)
        elif error and rule is not None:
            # What it wrote before it failed ends when it next has a result without that.
            self._recorded[planned.row.pk] = self._memory(planned, active)[0].series
        return self._outcome(planned, found, error=error, evaluation=evaluation, active=active)

    def _ask(self, expr: Expr | str, at_ms: int) -> Value:
        left_seconds = self._go_on()
        limits = Limits(
            max_samples=MAX_SAMPLES,
            timeout_seconds=min(QUERY_TIMEOUT_SECONDS, max(left_seconds, 1.0)),
        )
        options = QueryOptions(limits=limits)
        return self._backend.query(expr, at_ms=at_ms, options=options, storage=self._storage).value

    def _go_on(self) -> float:
        """Keep the lease, and return how many seconds are left.

        Raises:
            GroupTimeoutError: None.
        """
        left_seconds = self._deadline - time.monotonic()
        if left_seconds < 0:
            raise GroupTimeoutError(GROUP_TIMEOUT_SECONDS)
        self._keep_lease()
        return left_seconds

    def _take(self, planned: PlannedRule, found: Answer, active: ActiveAlerts) -> Evaluation:
        """Work out what an answer means, and take in what it records and changes."""
        rule = planned.rule
        if rule is None:
            raise TypeError("a rule that is wrong has no answer")
        if isinstance(rule, AlertingRule) and active.ids and self._is_edited(planned):
            # Alerts of what it was before are over, and not without data.
            rule = replace(rule, terms=replace(rule.terms, on_no_data=Otherwise.RESOLVE))

        def query(expr: Expr, at_ms: int) -> list[Sample]:
            if expr is rule.expr:
                return list(found.vector)
            if found.data is not None and isinstance(rule, AlertingRule) and expr is rule.data_expr:
                return list(found.data())
            return list(result_vector(self._ask(expr, at_ms)))

        memory, changed_clocks = self._memory(planned, active)
        limit = self._plan.group.limit
        evaluation = evaluate_rule(
            rule,
            memory,
            query,
            at_ms=self._claim.at_ms,
            query_offset_ms=self._plan.query_offset_ms,
            limit=limit or (0 if planned.row.is_recording else MAX_ALERTS),
            expand=self._in_time(self._expander(planned)),
        )
        self._record(planned, active, evaluation, changed_clocks)
        return evaluation

    def _is_edited(self, planned: PlannedRule) -> bool:
        """Say whether the rule has changed since the last evaluation."""
        return self._seen_ms is None or milliseconds(planned.row.updated_at) > self._seen_ms

    def _fail(
        self, planned: PlannedRule, rule: AlertingRule, active: ActiveAlerts
    ) -> Evaluation | None:
        if rule.terms.on_error is Otherwise.KEEP and not active.ids:
            return None
        memory, changed_clocks = self._memory(planned, active)
        evaluation = evaluate_failed_rule(
            rule, memory, at_ms=self._claim.at_ms, expand=self._expander(planned)
        )
        self._record(planned, active, evaluation, changed_clocks)
        return evaluation

    def _memory(
        self, planned: PlannedRule, active: ActiveAlerts
    ) -> tuple[Memory, Mapping[str, Episode]]:
        """Return what a rule knows of its last evaluation, and clocks that an outage has changed since."""
        rule = planned.rule
        if not isinstance(rule, AlertingRule):
            if rule is None or self._seen_ms is None:
                return Memory(), {}
            seen_ms = self._seen_ms - self._plan.query_offset_ms
            series = series_recorded_at(planned.row.pk, rule, seen_ms, self._backend)
            return Memory(series=series), {}
        if not active.ids:
            return Memory(), {}
        changed = restored(
            active.episodes,
            terms=rule.terms,
            seen_ms=self._seen_ms,
            at_ms=self._claim.at_ms,
            interval_ms=self._claim.group.interval_ms,
        )
        series = frozenset(alert_samples(rule, active.episodes.values()))
        return Memory(active={**active.episodes, **changed}, series=series), changed

    def _record(
        self,
        planned: PlannedRule,
        active: ActiveAlerts,
        evaluation: Evaluation,
        changed_clocks: Mapping[str, Episode],
    ) -> None:
        told = {change.fingerprint for change in evaluation.changes}
        changes = [
            *evaluation.changes,
            *(
                Change(fingerprint=key, before=active.episodes[key], after=after)
                for key, after in changed_clocks.items()
                if key not in told
            ),
        ]
        if changes:
            self._changes.append(RuleChanges(rule=planned.row, ids=active.ids, changes=changes))
        if planned.row.is_recording:
            self._recorded[planned.row.pk] = evaluation.memory.series
        if evaluation.samples:
            self._samples += evaluation.samples
            if self._plan.dependent:
                self._storage.add(evaluation.samples, self._asked_ms)

    def _without_contradictions(self) -> list[Sample]:
        """Return the samples, without the ends of series that another rule of the group goes on with."""
        going_on = {labels for labels, value in self._samples if value is not STALE_NAN}
        return [
            (labels, value)
            for labels, value in self._samples
            if value is not STALE_NAN or labels not in going_on
        ]

    def _expander(self, planned: PlannedRule) -> Expand:
        left = max(self._deadline - time.monotonic(), _LEAST_TEMPLATES_SECONDS)
        return expander(
            name=planned.row.name,
            at_ms=self._asked_ms,
            query=self._ask,
            external_url=settings.EXTERNAL_URL,
            seconds=min(TEMPLATES_SECONDS, left),
        )

    def _in_time(self, expand: Expand) -> Expand:
        """Return the same for any number of alerts, whose templates together may take long."""

        def expand_in_time(text: str, *, labels: Mapping[str, str], value: float) -> str:
            self._go_on()
            return expand(text, labels=labels, value=value)

        return expand_in_time

    def _outcome(
        self,
        planned: PlannedRule,
        found: Answer | None,
        *,
        error: str = "",
        evaluation: Evaluation | None = None,
        active: ActiveAlerts = NONE_ACTIVE,
    ) -> RuleOutcome:
        changes = () if evaluation is None else evaluation.changes
        after = active.episodes if evaluation is None else evaluation.memory.active
        return RuleOutcome(
            rule=planned.row,
            at=moment(self._claim.at_ms),
            duration_ms=0.0 if found is None else found.duration_ms,
            error=error,
            entered=Counter(change.entered for change in changes if change.entered)
            if changes
            else _NONE_ENTERED,
            active=Counter(episode.state for episode in after.values()) if after else _NONE_ENTERED,
            samples=0 if evaluation is None else len(evaluation.samples),
        )


def _is_quiet(rule: object) -> bool:
    return isinstance(rule, AlertingRule) and rule.terms.on_no_data is not Otherwise.FIRE
