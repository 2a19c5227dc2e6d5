"""Writes what iterations of groups gave: alerts, samples, and how the groups did.

All that an iteration changes is one transaction, which first locks the group's row and checks
that the lease is still its own and that nobody has changed the rules meanwhile. A worker that was
too slow finds another lease there and writes nothing; so no iteration is ever recorded twice, and
one that died half-way has left no trace and is done again. Iterations that were evaluated together
are written together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

import msgspec
import numpy as np
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.db.models import F

from alerts.instruments import RULE_GROUP_LEASES_LOST
from alerts.models import Rule, RuleGroup, RuleHealth
from alerts.routing.dispatch import dispatch_alerts
from alerts.rules.episodes import write_changes
from alerts.rules.group_evaluation import GroupEvaluation
from alerts.rules.moments import moment
from alerts.rules.recorded_series import remember
from observability.metrics.backend import MetricsBackend
from observability.metrics.errors import SeriesLimitError
from observability.metrics.samples import SampleBatch

_MAX_ERROR_LENGTH = 2_000
_log = structlog.get_logger(__name__)

# In one order, as `alerts.rules.changes` does.
_LOCK = """
    SELECT id, lease_until, version FROM alerts_rulegroup
    WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""

_UPDATE = """
    UPDATE alerts_rulegroup AS rulegroup
    SET evaluated_at = new.evaluated_at,
        duration_ms = new.duration_ms,
        rule_durations_ms = new.rule_durations_ms::jsonb,
        missed_iterations = rulegroup.missed_iterations + new.missed,
        lease_until = NULL,
        next_evaluation_at = CASE WHEN rulegroup.next_evaluation_at = new.planned_at
            THEN new.next_at ELSE rulegroup.next_evaluation_at END
    FROM unnest(
        %s::bigint[], %s::timestamptz[], %s::float8[], %s::text[], %s::bigint[],
        %s::timestamptz[], %s::timestamptz[]
    ) AS new(id, evaluated_at, duration_ms, rule_durations_ms, missed, planned_at, next_at)
    WHERE rulegroup.id = new.id
"""


def record(
    evaluations: Sequence[GroupEvaluation], *, backend: MetricsBackend, now: datetime
) -> list[GroupEvaluation]:
    """Write what was evaluated together, and return what of it was still this worker's to write.

    Where it cannot be written together, each group is written by itself, so that one that is
    broken holds up no other.
    """
    if len(evaluations) > 1:
        try:
            return _record(evaluations, backend=backend, now=now)
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # noqa: BLE001 (each of them then tells its own error)
            _log.warning("rule groups are recorded one by one", count=len(evaluations))
    recorded = []
    for one in evaluations:
        try:
            recorded += _record([one], backend=backend, now=now)
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # noqa: BLE001 (one group must never stop the others; the log has the traceback)
            _log.exception("rule group not recorded", rule_group=one.claim.group.name)
    return recorded


def _record(
    evaluations: Sequence[GroupEvaluation], *, backend: MetricsBackend, now: datetime
) -> list[GroupEvaluation]:
    with transaction.atomic():
        held = _hold(evaluations)
        if held:
            concerning = write_changes(
                (changes for one in held for changes in one.changes), now=now
            )
            dispatch_alerts(concerning, now=now)
            refused = _append(held, backend)
            healths = _healths(held, refused=refused)
            _note_healths(healths)
            _update(held)
    if not held:
        return []
    _take_in(healths)
    for one in held:
        for rule_id, series in one.recorded.items():
            remember(rule_id, one.timestamp_ms, series)
    return held


def _hold(evaluations: Sequence[GroupEvaluation]) -> list[GroupEvaluation]:
    """Lock the groups, and return the evaluations whose lease and rules are as they were."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [[one.claim.group.pk for one in evaluations]])
        found = {group_id: (lease, version) for group_id, lease, version in cursor}
    held = []
    for one in evaluations:
        group = one.claim.group
        lease_until, version = found.get(group.pk, (None, None))
        if lease_until != one.claim.lease_until:
            RULE_GROUP_LEASES_LOST.inc()
            _log.warning("lease on rule group lost", rule_group=group.name)
        elif version != one.plan.version:
            # Whoever changed the rules has made the group due, so it is evaluated again at once.
            RuleGroup.objects.filter(pk=group.pk).update(lease_until=None)
        else:
            held.append(one)
    return held


def _append(held: Sequence[GroupEvaluation], backend: MetricsBackend) -> str:
    """Write the samples, and return why that may not be; '' when all is written."""
    samples = [sample for one in held for sample in one.samples]
    if not samples:
        return ""
    times = np.repeat(
        np.array([one.timestamp_ms for one in held], np.int64),
        [len(one.samples) for one in held],
    )
    batch = SampleBatch(
        label_sets=[labels for labels, _ in samples],
        series=np.arange(len(samples), dtype=np.int64),
        timestamps_ms=times,
        values=np.array([value for _, value in samples], dtype=np.float64),
    )
    try:
        backend.append(batch)
    except SeriesLimitError as error:
        if len(held) > 1:
            raise
        _log.warning("samples of rules refused", rule_group=held[0].claim.group.name, error=str(error))  # fmt: skip
        return str(error)
    return ""


def _healths(
    held: Sequence[GroupEvaluation], *, refused: str
) -> dict[tuple[RuleHealth, str], list[Rule]]:
    """Return the rules that do otherwise than they did, by how they do."""
    found: dict[tuple[RuleHealth, str], list[Rule]] = defaultdict(list)
    for outcome in chain.from_iterable(one.outcomes for one in held):
        rule = outcome.rule
        error = outcome.error or (refused if outcome.samples else "")
        health = RuleHealth.ERROR if error else RuleHealth.OK
        error = error[:_MAX_ERROR_LENGTH].replace("\x00", "\ufffd")
        if (rule.health, rule.last_error) != (health, error):
            found[health, error].append(rule)
    return found


def _note_healths(healths: Mapping[tuple[RuleHealth, str], Sequence[Rule]]) -> None:
    """Write how rules do; not by `save`, which would say that somebody edited them."""
    for (health, error), rules in healths.items():
        Rule.objects.filter(pk__in=[rule.pk for rule in rules]).update(
            health=health, last_error=error
        )
    groups = {rule.group_id for rules in healths.values() for rule in rules}
    if groups:
        # What other processes know of these rules ends here.
        RuleGroup.objects.filter(pk__in=groups).update(version=F("version") + 1)


def _take_in(healths: Mapping[tuple[RuleHealth, str], Sequence[Rule]]) -> None:
    """Let the rules that this process keeps know how they do, once it is written."""
    for (health, error), rules in healths.items():
        for rule in rules:
            rule.health, rule.last_error = health, error


def _update(held: Sequence[GroupEvaluation]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            [
                [one.claim.group.pk for one in held],
                [moment(one.claim.at_ms) for one in held],
                [one.duration_ms for one in held],
                [_durations(one) for one in held],
                [one.claim.missed for one in held],
                [one.claim.planned_at for one in held],
                [one.claim.next_at for one in held],
            ],
        )


def _durations(one: GroupEvaluation) -> str:
    durations = {str(out.rule.pk): round(out.duration_ms, 3) for out in one.outcomes}
    return msgspec.json.encode(durations).decode()
