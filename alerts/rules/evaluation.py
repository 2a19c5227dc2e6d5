"""Evaluates rule groups that are due: claim, read, ask, record.

How it stays right when workers die, hang, or run side by side is told where it is done: leases in
`alerts.rules.claims`, the one transaction of an iteration in `alerts.rules.recording`. Whoever
changes a group's rules, or the alerts of its rules, holds the lock on the group's row and raises
its version (see `alerts.rules.changes`), so what was evaluated with the rules of before is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import Error, connection

from alerts.instruments import (
    RULE_EVALUATION_FAILURES,
    RULE_EVALUATIONS,
    RULE_GROUP_DURATION,
    RULE_GROUP_LEASES_LOST,
    RULE_GROUP_MISSED_ITERATIONS,
)
from alerts.models import RuleGroup
from alerts.rules import claims as leases
from alerts.rules.claims import Claim, claim_due_groups, claim_groups
from alerts.rules.episodes import active_by_rule
from alerts.rules.errors import LeaseLostError
from alerts.rules.group_evaluation import GroupEvaluation, GroupEvaluator, RuleOutcome
from alerts.rules.plans import GroupPlan, plans_of
from alerts.rules.recording import record
from observability.metrics.backend import MetricsBackend
from observability.promql.storage import Reading

TOGETHER_SECONDS = 10.0
"""After this, what was evaluated is recorded before the rest: slow groups hold up no quick ones."""

_log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]


def evaluate_due_groups(
    *, backend: MetricsBackend, clock: Clock, budget_seconds: float, is_patient: bool = False
) -> list[RuleOutcome]:
    """Claim due groups, some at once, and evaluate them, until none is left.

    A group that cannot be evaluated is logged and left to its lease; the others go on.

    Args:
        backend: Where the metrics are.
        clock: Gives the present time.
        budget_seconds: No further group is claimed after this time.
        is_patient: Whether groups that are just due may wait a little, so that more are evaluated
            together; by far most of the work of a few is the same for many.
    """
    stop_at = time.monotonic() + budget_seconds
    outcomes: list[RuleOutcome] = []
    while time.monotonic() < stop_at:
        now = clock()
        if is_patient and not RuleGroup.objects.ripe(at=now).exists():
            break
        claims = claim_due_groups(now=now)
        if not claims:
            break
        outcomes += evaluate_claims(claims, backend=backend, clock=clock)
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
    waiting = set(RuleGroup.objects.filter(enabled=True).values_list("pk", flat=True))
    while waiting:
        claims = claim_groups(sorted(waiting), now=clock())
        waiting -= {claim.group.pk for claim in claims}
        outcomes += evaluate_claims(claims, backend=backend, clock=clock)
        if not claims:
            if time.monotonic() > stop_at:
                break
            waiting &= set(
                RuleGroup.objects.filter(pk__in=waiting, enabled=True).values_list("pk", flat=True)
            )
            time.sleep(0.05)
    return outcomes


def evaluate_claims(
    claims: Sequence[Claim], *, backend: MetricsBackend, clock: Clock
) -> list[RuleOutcome]:
    """Evaluate claimed groups and record what they did; what they read is read together."""
    outcomes: list[RuleOutcome] = []
    waiting = list(claims)
    while waiting:
        began, count = time.monotonic(), len(waiting)
        try:
            evaluations, waiting = _evaluate(waiting, backend=backend, clock=clock)
        except LeaseLostError:
            RULE_GROUP_LEASES_LOST.inc()
            _log.warning("leases on rule groups lost", rule_groups=_names(waiting))
            break
        recorded = record(evaluations, backend=backend, now=clock())
        seconds = (time.monotonic() - began) / (count - len(waiting))
        for one in recorded:
            _count(one, seconds=seconds)
        outcomes += [outcome for one in recorded for outcome in one.outcomes]
    return outcomes


def _evaluate(
    claims: Sequence[Claim], *, backend: MetricsBackend, clock: Clock
) -> tuple[list[GroupEvaluation], list[Claim]]:
    """Evaluate groups for `TOGETHER_SECONDS`, one at least, and return which are left."""
    record_at = time.monotonic() + TOGETHER_SECONDS
    plans = plans_of(claim.group for claim in claims)
    rule_ids = [
        planned.row.pk
        for plan in plans.values()
        for planned in plan.rules
        if not planned.row.is_recording
    ]
    active = active_by_rule(rule_ids)
    storage = backend.read_together(
        reading for claim in claims for reading in _readings(claim, plans[claim.group.pk])
    )
    held = list(claims)

    def keep_leases() -> None:
        held[:] = leases.keep(held, now=clock())

    evaluated: list[GroupEvaluation] = []
    count = 0
    while count < len(held) and (count == 0 or time.monotonic() < record_at):
        keep_leases()
        claim = held[count]
        count += 1
        try:
            evaluated.append(
                GroupEvaluator(
                    claim,
                    plans[claim.group.pk],
                    active=active,
                    storage=storage,
                    backend=backend,
                    keep_lease=keep_leases,
                ).evaluate()
            )
        except (SoftTimeLimitExceeded, LeaseLostError):
            raise
        except Exception as problem:
            if isinstance(problem, Error) and not connection.is_usable():
                # Nothing could be recorded: the next worker does it all.
                raise
            # One group must never stop the others; the log has the traceback.
            _log.exception("rule group not evaluated", rule_group=claim.group.name)
    renewed = {claim.group.pk: claim for claim in held}
    return [one.with_claim(renewed[one.claim.group.pk]) for one in evaluated], held[count:]


def _readings(claim: Claim, plan: GroupPlan) -> list[Reading]:
    at_ms = claim.at_ms - plan.query_offset_ms
    return [
        Reading(matchers=look.matchers, start_ms=at_ms - look.from_ms, end_ms=at_ms - look.until_ms)
        for look in plan.looks
    ]


def _names(claims: Sequence[Claim]) -> list[str]:
    return [claim.group.name for claim in claims]


def _count(one: GroupEvaluation, *, seconds: float) -> None:
    name = one.claim.group.name
    RULE_GROUP_DURATION.observe(seconds)
    RULE_EVALUATIONS.labels(name).inc(len(one.outcomes))
    failures = sum(1 for outcome in one.outcomes if outcome.error)
    RULE_EVALUATION_FAILURES.labels(name).inc(failures)
    RULE_GROUP_MISSED_ITERATIONS.labels(name).inc(one.claim.missed)
