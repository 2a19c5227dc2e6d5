"""Which worker evaluates which group, and when: claims with a lease.

A claim takes due groups with `FOR UPDATE SKIP LOCKED` and gives each a lease, in a transaction of
its own; the queries then run with no transaction open. A worker that dies leaves its leases to run
out, after `LEASE` at most. The end of a lease also tells it from every other lease of the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from alerts.models import RuleGroup
from alerts.rules.errors import LeaseLostError
from alerts.rules.moments import milliseconds, moment
from alerts.rules.schedule import iteration

LEASE = timedelta(seconds=30)
"""How long a group stays with a worker that says nothing; longer than any one query may take."""

MAX_GROUPS = 16
"""How many groups a worker takes at once, to read and write for all of them together."""

# Groups that took longer last time are taken alone, so that none waits for them.
_QUICK_MS = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One iteration of one group that this worker has to do.

    Attributes:
        group: The group as it was when it was claimed.
        at_ms: As of when its expressions are evaluated.
        planned_at: When the group was due; in the future when it is evaluated on demand.
        next_at: When the following iteration is due.
        missed: Iterations that were due before this one and did not happen.
        lease_until: The end of the lease.
    """

    group: RuleGroup
    at_ms: int
    planned_at: datetime
    next_at: datetime
    missed: int
    lease_until: datetime


def claim_due_groups(*, now: datetime) -> list[Claim]:
    """Take groups that have been due for longest, as many as are done quickly; none when none is due or free."""
    with transaction.atomic():
        due = list(
            RuleGroup.objects.due(at=now)
            .select_for_update(skip_locked=True)
            .order_by("next_evaluation_at")[:MAX_GROUPS]
        )
        return _lease(_quick(due), now=now, is_on_demand=False)


def claim_groups(group_ids: Sequence[int], *, now: datetime) -> list[Claim]:
    """Take those of some enabled groups that no other worker has, due or not."""
    with transaction.atomic():
        groups = list(
            RuleGroup.objects.free(at=now)
            .filter(pk__in=group_ids, enabled=True)
            .select_for_update(skip_locked=True)
            .order_by("pk")[:MAX_GROUPS]
        )
        return _lease(groups, now=now, is_on_demand=True)


def keep(claims: Sequence[Claim], *, now: datetime) -> list[Claim]:
    """Renew leases when half of their time has passed, so that a living worker never loses one.

    Raises:
        LeaseLostError: Another worker has taken over one of the groups.
    """
    if all(claim.lease_until - now > LEASE / 2 for claim in claims):
        return list(claims)
    kept = []
    for claim in claims:
        lease_until = now + LEASE
        if not RuleGroup.objects.filter(pk=claim.group.pk, lease_until=claim.lease_until).update(
            lease_until=lease_until
        ):
            raise LeaseLostError(claim.group.pk)
        kept.append(replace(claim, lease_until=lease_until))
    return kept


def _quick(due: Sequence[RuleGroup]) -> Sequence[RuleGroup]:
    """Return the first groups that together took no longer than one may, or else the first alone."""
    taken_ms = 0.0
    for count, group in enumerate(due):
        taken_ms += group.duration_ms or 0.0
        if taken_ms > _QUICK_MS:
            return due[: max(count, 1)]
    return due


def _lease(groups: Sequence[RuleGroup], *, now: datetime, is_on_demand: bool) -> list[Claim]:
    if not groups:
        return []
    lease_until = now + LEASE
    RuleGroup.objects.filter(pk__in=[group.pk for group in groups]).update(lease_until=lease_until)
    claims = []
    for group in groups:
        turn = iteration(
            group_id=group.pk,
            interval_ms=group.interval_ms,
            due_ms=milliseconds(now if is_on_demand else group.next_evaluation_at),
            now_ms=milliseconds(now),
        )
        claims.append(
            Claim(
                group=group,
                at_ms=turn.at_ms,
                planned_at=group.next_evaluation_at,
                next_at=moment(turn.next_ms),
                missed=turn.missed,
                lease_until=lease_until,
            )
        )
    return claims
