"""Evaluates rule groups: claim, query, record.

How it stays right when workers die, hang, or run side by side:

- A claim takes one due group with `FOR UPDATE SKIP LOCKED` and gives it a lease, in a
  transaction of its own. The queries then run with no transaction open. The lease is renewed
  between rules; a worker that dies by kill -9 leaves it to run out, after `LEASE` at most.
- All that an iteration changes is written in one transaction, which first locks the group's
  row and checks that the lease is still its own. A worker that was too slow finds another
  lease there and writes nothing; so no iteration is ever recorded twice, and one that died
  half-way has left no trace and is done again.
- Whoever changes a group's rules, or the alerts of its rules, holds the lock on the group's
  row (see `alerts.rules.changes`). So states are worked out, under that lock, from the rows as
  they are, and never from what was read before the queries.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import QuerySet

from alerts.instruments import (
    RULE_EVALUATION_FAILURES,
    RULE_EVALUATIONS,
    RULE_GROUP_DURATION,
    RULE_GROUP_LEASES_LOST,
    RULE_GROUP_MISSED_ITERATIONS,
)
from alerts.models import Alert, Rule, RuleGroup, RuleHealth
from alerts.routing.dispatch import dispatch_alerts
from alerts.rules.episodes import RuleChanges, episode, unresolved_by_rule, write_changes
from alerts.rules.errors import (
    GroupTimeoutError,
    LeaseLostError,
    RuleEvaluationError,
)
from alerts.rules.expansion import expander
from alerts.rules.moments import milliseconds, moment
from alerts.rules.rule_evaluation import Vector, result_vector
from alerts.rules.schedule import iteration
from alerts.rules.states import Change, State, Terms, advance
from observability.metrics.backend import MetricsBackend, get_backend
from observability.promql import Limits, QueryOptions
from observability.promql.errors import PromQLError
from observability.promql.values import Value

LEASE = timedelta(seconds=30)
"""How long a group stays with a worker that says nothing; longer than any one query may take."""

QUERY_TIMEOUT_SECONDS = 20.0
GROUP_TIMEOUT_SECONDS = 30.0
"""After this, the rules of a group that have not had their turn get none in this iteration."""

_MAX_ERROR_LENGTH = 2_000
_log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One iteration of one group that this worker has to do.

    Attributes:
        group_id: The group.
        group_name: Its name when it was claimed.
        at_ms: As of when its expressions are evaluated.
        planned_at: When the group was due; in the future when it is evaluated on demand.
        next_at: When the following iteration is due.
        missed: Iterations that were due before this one and did not happen.
        lease_until: End of the lease, which also tells it from every other lease of the group.
    """

    group_id: int
    group_name: str
    at_ms: int
    planned_at: datetime
    next_at: datetime
    missed: int
    lease_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """What one evaluation of one rule did.

    Attributes:
        rule: The rule, with its health as it is now.
        at: As of when it was evaluated.
        duration_ms: What its query took.
        error: Why its alerts stay as they are; '' when all went well.
        entered: How many alerts have come to each state.
        active: How many alerts are in each state now.
    """

    rule: Rule
    at: datetime
    duration_ms: float
    error: str = ""
    entered: Mapping[State, int] = field(default_factory=dict)
    active: Mapping[State, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the query of a rule gave: a vector, or the reason why there is none."""

    expr: str
    vector: Vector
    error: str
    duration_ms: float


def evaluate_due_groups(
    *, backend: MetricsBackend, clock: Clock, budget_seconds: float
) -> list[RuleOutcome]:
    """Claim due groups one after the other and evaluate each, until none is left.

    A group that cannot be evaluated is logged and left to its lease; the others go on.

    Args:
        backend: Where the metrics are.
        clock: Gives the present time.
        budget_seconds: No further group is claimed after this time.
    """
    stop_at = time.monotonic() + budget_seconds
    outcomes: list[RuleOutcome] = []
    while time.monotonic() < stop_at and (claim := claim_due_group(now=clock())):
        outcomes += _evaluate_or_log(claim, backend=backend, clock=clock)
    return outcomes


def evaluate_all_groups(
    *, backend: MetricsBackend, clock: Clock, wait_seconds: float
) -> list[RuleOutcome]:
    """Evaluate every enabled group as of now, due or not.

    Args:
        backend: Where the metrics are.
        clock: Gives the present time.
        wait_seconds: How long to wait for groups that other workers are just evaluating;
            those that stay busy are left out.
    """
    outcomes: list[RuleOutcome] = []
    stop_at = time.monotonic() + wait_seconds
    waiting = list(RuleGroup.objects.filter(enabled=True).values_list("pk", flat=True))
    while waiting:
        busy = []
        for group_id in waiting:
            if claim := claim_group(group_id, now=clock()):
                outcomes += _evaluate_or_log(claim, backend=backend, clock=clock)
            else:
                busy.append(group_id)
        if time.monotonic() > stop_at:
            break
        waiting = list(
            RuleGroup.objects.filter(pk__in=busy, enabled=True).values_list("pk", flat=True)
        )
        if waiting:
            time.sleep(0.05)
    return outcomes


def claim_due_group(*, now: datetime) -> Claim | None:
    """Take the group that has been due for longest; None when none is due or free."""
    with transaction.atomic():
        group = (
            RuleGroup.objects.due(at=now)
            .select_for_update(skip_locked=True)
            .order_by("next_evaluation_at")
            .first()
        )
        return None if group is None else _lease(group, due_at=group.next_evaluation_at, now=now)


def claim_group(group_id: int, *, now: datetime) -> Claim | None:
    """Take one enabled group, due or not; None when another worker has it."""
    with transaction.atomic():
        group = (
            RuleGroup.objects.free(at=now)
            .filter(pk=group_id, enabled=True)
            .select_for_update(skip_locked=True)
            .first()
        )
        return None if group is None else _lease(group, due_at=now, now=now)


def evaluate_group(claim: Claim, *, backend: MetricsBackend, clock: Clock) -> list[RuleOutcome]:
    """Evaluate the rules of a claimed group in their order and record what they did.

    Raises:
        LeaseLostError: Another worker has taken over; nothing was written.
    """
    started = time.monotonic()
    answers: dict[int, _Answer] = {}
    for rule in Rule.objects.filter(group_id=claim.group_id, enabled=True).order_by(
        "position", "pk"
    ):
        claim = _keep_lease(claim, now=clock())
        is_late = time.monotonic() - started > GROUP_TIMEOUT_SECONDS
        answers[rule.pk] = _too_late(rule) if is_late else _ask(rule, claim.at_ms, backend)
    duration_ms = (time.monotonic() - started) * 1000
    with transaction.atomic():
        outcomes = _record(claim, answers, duration_ms=duration_ms, now=clock())
    _count(claim, outcomes, seconds=time.monotonic() - started)
    return outcomes


def _evaluate_or_log(claim: Claim, *, backend: MetricsBackend, clock: Clock) -> list[RuleOutcome]:
    try:
        return evaluate_group(claim, backend=backend, clock=clock)
    except LeaseLostError:
        RULE_GROUP_LEASES_LOST.inc()
        _log.warning("lease on rule group lost", rule_group=claim.group_name)
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # noqa: BLE001 (one group must never stop the others; the log has the traceback)
        _log.exception("rule group not evaluated", rule_group=claim.group_name)
    return []


def _lease(group: RuleGroup, *, due_at: datetime, now: datetime) -> Claim:
    turn = iteration(
        group_id=group.pk,
        interval_ms=group.interval_ms,
        due_ms=milliseconds(due_at),
        now_ms=milliseconds(now),
    )
    lease_until = now + LEASE
    RuleGroup.objects.filter(pk=group.pk).update(lease_until=lease_until)
    return Claim(
        group_id=group.pk,
        group_name=group.name,
        at_ms=turn.at_ms,
        planned_at=group.next_evaluation_at,
        next_at=moment(turn.next_ms),
        missed=turn.missed,
        lease_until=lease_until,
    )


def _held(claim: Claim) -> QuerySet[RuleGroup]:
    """Return the claimed group, or nothing when its lease is no longer this worker's."""
    return RuleGroup.objects.filter(pk=claim.group_id, lease_until=claim.lease_until)


def _keep_lease(claim: Claim, *, now: datetime) -> Claim:
    """Renew the lease when half of it has passed, so that a living worker never loses it."""
    if claim.lease_until - now > LEASE / 2:
        return claim
    lease_until = now + LEASE
    if not _held(claim).update(lease_until=lease_until):
        raise LeaseLostError(claim.group_id)
    return replace(claim, lease_until=lease_until)


def _ask(rule: Rule, at_ms: int, backend: MetricsBackend) -> _Answer:
    started = time.monotonic()
    vector: Vector = []
    error = ""
    try:
        result = backend.query(
            rule.expr,
            at_ms=at_ms,
            options=QueryOptions(limits=Limits(timeout_seconds=QUERY_TIMEOUT_SECONDS)),
        )
        vector = result_vector(result.value)
    except (PromQLError, RuleEvaluationError) as problem:
        error = str(problem)
    except SoftTimeLimitExceeded:
        raise
    except Exception as problem:  # A bug met by one rule must not stop the others.
        if isinstance(problem, Error) and not connection.is_usable():
            # Not the rule's fault, and nothing could be recorded: the next worker does it all.
            raise
        _log.exception("rule not evaluated", rule=rule.name, rule_id=rule.pk)
        error = f"internal error: {problem}"
    duration_ms = (time.monotonic() - started) * 1000
    return _Answer(expr=rule.expr, vector=vector, error=error, duration_ms=duration_ms)


def _too_late(rule: Rule) -> _Answer:
    error = str(GroupTimeoutError(GROUP_TIMEOUT_SECONDS))
    return _Answer(expr=rule.expr, vector=[], error=error, duration_ms=0.0)


def _record(
    claim: Claim, answers: Mapping[int, _Answer], *, duration_ms: float, now: datetime
) -> list[RuleOutcome]:
    """Write what an iteration changes; the caller holds a transaction open."""
    group = _held(claim).select_for_update(no_key=True).first()
    if group is None:
        raise LeaseLostError(claim.group_id)
    # A rule that was edited meanwhile keeps its turn: whoever edited it made the group due.
    rules = [
        rule
        for rule in group.rules.filter(enabled=True).order_by("position", "pk")
        if rule.pk in answers and answers[rule.pk].expr == rule.expr
    ]
    alerts = unresolved_by_rule(rules)
    changes: list[RuleChanges] = []
    outcomes = []
    for rule in rules:
        rows = alerts[rule.pk]
        outcome, changed = _judge(rule, answers[rule.pk], rows, at_ms=claim.at_ms)
        outcomes.append(outcome)
        changes.append(RuleChanges(rule=rule, rows=rows, changes=changed))
    dispatch_alerts(write_changes(changes), now=now)
    group.evaluated_at = moment(claim.at_ms)
    group.duration_ms = duration_ms
    group.rule_durations_ms = {str(o.rule.pk): round(o.duration_ms, 3) for o in outcomes}
    group.missed_iterations += claim.missed
    group.lease_until = None
    if group.next_evaluation_at == claim.planned_at:
        group.next_evaluation_at = claim.next_at
    group.save(
        update_fields=[
            "evaluated_at",
            "duration_ms",
            "rule_durations_ms",
            "missed_iterations",
            "lease_until",
            "next_evaluation_at",
        ]
    )
    return outcomes


def _judge(
    rule: Rule, answer: _Answer, rows: Mapping[str, Alert], *, at_ms: int
) -> tuple[RuleOutcome, list[Change]]:
    """Work out what an answer means for a rule's alerts, and note on the rule how it went."""
    changes: list[Change] = []
    error = answer.error
    active = {key: episode(row) for key, row in rows.items()}
    expand = expander(name=rule.name, at_ms=at_ms, query=_query, external_url=settings.EXTERNAL_URL)
    if not error:
        try:
            changes = advance(active, answer.vector, terms=_terms(rule), at_ms=at_ms, expand=expand)
        except RuleEvaluationError as problem:
            error = str(problem)
    _note_health(rule, error)
    after = {**active, **{change.fingerprint: change.after for change in changes}}
    states = Counter(one.state for one in after.values() if one is not None)
    outcome = RuleOutcome(
        rule=rule,
        at=moment(at_ms),
        duration_ms=answer.duration_ms,
        error=error,
        entered=Counter(change.entered for change in changes if change.entered),
        active={state: states[state] for state in (State.PENDING, State.FIRING)},
    )
    return outcome, changes


def _query(expr: str, at_ms: int) -> Value:
    return get_backend().query(expr, at_ms=at_ms).value


def _terms(rule: Rule) -> Terms:
    return Terms(
        hold_ms=rule.hold_ms,
        keep_firing_ms=rule.keep_firing_ms,
        labels=rule.alert_labels(),
        annotations=rule.annotations,
    )


def _note_health(rule: Rule, error: str) -> None:
    health = RuleHealth.ERROR if error else RuleHealth.OK
    error = error[:_MAX_ERROR_LENGTH].replace("\x00", "\ufffd")
    if (rule.health, rule.last_error) != (health, error):
        rule.health, rule.last_error = health, error
        # Not `save`, which would say that somebody has edited the rule.
        Rule.objects.filter(pk=rule.pk).update(health=health, last_error=error)


def _count(claim: Claim, outcomes: Sequence[RuleOutcome], *, seconds: float) -> None:
    name = claim.group_name
    RULE_GROUP_DURATION.observe(seconds)
    RULE_EVALUATIONS.labels(name).inc(len(outcomes))
    RULE_EVALUATION_FAILURES.labels(name).inc(sum(1 for outcome in outcomes if outcome.error))
    RULE_GROUP_MISSED_ITERATIONS.labels(name).inc(claim.missed)
