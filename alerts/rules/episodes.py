"""Alert rows as the episodes that `alerts.rules.states` works on, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.models import Alert, AlertSource, AlertState, Rule
from alerts.rules.moments import milliseconds, moment
from alerts.rules.states import Change, Episode, State
from observability.promql.labels import label_set

_BATCH_SIZE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChanges:
    """What one evaluation changes about the alerts of one rule.

    Attributes:
        rule: The rule.
        rows: Its unresolved alerts, by fingerprint.
        changes: What becomes of them, and new ones.
    """

    rule: Rule
    rows: Mapping[str, Alert]
    changes: Sequence[Change]


def unresolved_by_rule(rules: Iterable[Rule]) -> dict[int, dict[str, Alert]]:
    """Return the pending and firing alerts of each rule, by rule id and fingerprint."""
    found: dict[int, dict[str, Alert]] = {rule.pk: {} for rule in rules}
    for alert in Alert.objects.unresolved().filter(rule__in=list(found)):
        found[alert.rule_id or 0][alert.fingerprint] = alert
    return found


def episode(alert: Alert) -> Episode:
    """Return a row of a rule's alert as an episode."""
    return Episode(
        labels=label_set(alert.labels),
        annotations=alert.annotations,
        value=float("nan") if alert.value is None else alert.value,
        state=State(alert.state),
        active_at_ms=milliseconds(alert.active_at),
        fired_at_ms=_optional_ms(alert.fired_at),
        keep_firing_since_ms=_optional_ms(alert.keep_firing_since),
        no_data_since_ms=_optional_ms(alert.no_data_since),
        resolved_at_ms=_optional_ms(alert.resolved_at),
    )


def write_changes(changed: Iterable[RuleChanges]) -> list[Alert]:
    """Write what has changed, and return the alerts that people may have to hear of.

    The caller holds the lock on the group of the rules (see `alerts.rules.evaluation`).
    """
    created: list[Alert] = []
    updated: list[Alert] = []
    gone: list[int] = []
    concerning: list[Alert] = []
    for one in changed:
        for change in one.changes:
            row = one.rows.get(change.fingerprint)
            if change.after is None:
                gone += [row.pk] if row else []
                continue
            if row is None:
                row = Alert(rule=one.rule, fingerprint=change.fingerprint)
                created.append(row)
            else:
                updated.append(row)
            _apply(row, change.after, severity=one.rule.severity)
            if change.concerns_people:
                concerning.append(row)
    Alert.objects.bulk_create(created, batch_size=_BATCH_SIZE)
    Alert.objects.bulk_update(updated, _CHANGING_FIELDS, batch_size=_BATCH_SIZE)
    if gone:
        Alert.objects.filter(pk__in=gone).delete()
    return concerning


_CHANGING_FIELDS = [
    "annotations",
    "value",
    "state",
    "fired_at",
    "resolved_at",
    "keep_firing_since",
    "no_data_since",
    "acknowledged_at",
]


def _apply(row: Alert, after: Episode, *, severity: str) -> None:
    if row.pk is None:
        row.source = AlertSource.RULE
        row.labels = dict(after.labels)
        row.name = row.labels["alertname"]
        row.severity = severity
        row.active_at = moment(after.active_at_ms)
    row.annotations = dict(after.annotations)
    row.value = after.value
    row.state = AlertState(after.state)
    row.fired_at = _optional(after.fired_at_ms)
    row.resolved_at = _optional(after.resolved_at_ms)
    row.keep_firing_since = _optional(after.keep_firing_since_ms)
    row.no_data_since = _optional(after.no_data_since_ms)
    if row.state == AlertState.RESOLVED:
        row.acknowledged_at = None


def _optional_ms(at: datetime | None) -> int | None:
    return None if at is None else milliseconds(at)


def _optional(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else moment(at_ms)
