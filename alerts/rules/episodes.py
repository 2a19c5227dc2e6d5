"""Alert rows as the episodes that `alerts.rules.states` works on, and back.

An evaluation reads and writes the alerts of many rules, so each is one statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import connection

from alerts.models import Alert, AlertEvent, AlertEventKind, AlertSource, AlertState, Rule
from alerts.rules.moments import moment
from alerts.rules.severities import severity_of
from alerts.rules.states import Change, Episode, State
from observability.promql.labels import label_set

_BATCH_SIZE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlerts:
    """The pending and firing alerts of one rule.

    Attributes:
        ids: Their rows, by fingerprint.
        episodes: How they are, by fingerprint.
    """

    ids: Mapping[str, int]
    episodes: Mapping[str, Episode]


NONE_ACTIVE = ActiveAlerts(ids={}, episodes={})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChanges:
    """What one evaluation changes about the alerts of one rule.

    Attributes:
        rule: The rule.
        ids: The rows of its unresolved alerts, by fingerprint.
        changes: What becomes of them, and new ones.
    """

    rule: Rule
    ids: Mapping[str, int]
    changes: Sequence[Change]


# The times as milliseconds, which Python need not take apart.
_ACTIVE = """
    SELECT rule_id, id, fingerprint, labels::text, annotations::text, value, state,
        (extract(epoch FROM active_at) * 1000)::bigint,
        (extract(epoch FROM fired_at) * 1000)::bigint,
        (extract(epoch FROM keep_firing_since) * 1000)::bigint,
        (extract(epoch FROM no_data_since) * 1000)::bigint
    FROM alerts_alert
    WHERE rule_id = ANY(%s) AND state <> 'resolved'
"""

_UPDATE = """
    UPDATE alerts_alert AS alert
    SET annotations = new.annotations::jsonb,
        value = new.value,
        state = new.state,
        active_at = 'epoch'::timestamptz + new.active_ms * interval '1 ms',
        fired_at = 'epoch'::timestamptz + new.fired_ms * interval '1 ms',
        keep_firing_since = 'epoch'::timestamptz + new.keep_firing_ms * interval '1 ms',
        no_data_since = 'epoch'::timestamptz + new.no_data_ms * interval '1 ms',
        resolved_at = 'epoch'::timestamptz + new.resolved_ms * interval '1 ms',
        acknowledged_at = CASE WHEN new.state = 'resolved' THEN NULL ELSE alert.acknowledged_at END
    FROM unnest(
        %s::bigint[], %s::text[], %s::float8[], %s::text[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::bigint[], %s::bigint[]
    ) AS new(
        id, annotations, value, state, active_ms, fired_ms, keep_firing_ms, no_data_ms, resolved_ms
    )
    WHERE alert.id = new.id
"""


def active_by_rule(rule_ids: Sequence[int]) -> dict[int, ActiveAlerts]:
    """Return the pending and firing alerts of rules by their ids; rules that have none are left out."""
    ids: dict[int, dict[str, int]] = {}
    episodes: dict[int, dict[str, Episode]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVE, [list(rule_ids)])
        for rule_id, alert_id, fingerprint, labels, annotations, value, state, *times in cursor:
            active_ms, fired_ms, keep_firing_ms, no_data_ms = times
            ids.setdefault(rule_id, {})[fingerprint] = alert_id
            episodes.setdefault(rule_id, {})[fingerprint] = Episode(
                labels=label_set(msgspec.json.decode(labels)),
                annotations=msgspec.json.decode(annotations),
                value=float("nan") if value is None else value,
                state=State(state),
                active_at_ms=active_ms,
                fired_at_ms=fired_ms,
                keep_firing_since_ms=keep_firing_ms,
                no_data_since_ms=no_data_ms,
            )
    return {
        rule_id: ActiveAlerts(ids=found, episodes=episodes[rule_id])
        for rule_id, found in ids.items()
    }


def write_changes(changed: Iterable[RuleChanges], *, now: datetime) -> list[Alert]:
    """Write what has changed, and return the alerts that people may have to hear of.

    The caller holds the locks on the groups of the rules (see `alerts.rules.recording`).
    """
    created: list[tuple[Alert, Change]] = []
    updated: list[tuple[int, Change, Episode]] = []
    gone: list[int] = []
    for one in changed:
        for change in one.changes:
            alert_id = one.ids.get(change.fingerprint)
            if change.after is None:
                gone += [] if alert_id is None else [alert_id]
            elif alert_id is None:
                created.append((_new(one.rule, change.fingerprint, change.after), change))
            else:
                updated.append((alert_id, change, change.after))
    Alert.objects.bulk_create([alert for alert, _ in created], batch_size=_BATCH_SIZE)
    if updated:
        _update([(alert_id, after) for alert_id, _, after in updated])
    if gone:
        Alert.objects.filter(pk__in=gone).delete()
    _note_events(((alert_id, change) for alert_id, change, _ in updated), now=now)
    told = [alert_id for alert_id, change, _ in updated if change.concerns_people]
    return [
        *(alert for alert, change in created if change.concerns_people),
        *(Alert.objects.filter(pk__in=told) if told else ()),
    ]


def _new(rule: Rule, fingerprint: str, after: Episode) -> Alert:
    labels = _storable(dict(after.labels))
    return Alert(
        rule=rule,
        fingerprint=fingerprint,
        source=AlertSource.RULE,
        labels=labels,
        name=labels["alertname"],
        severity=severity_of(labels),
        annotations=_storable(after.annotations),
        value=after.value,
        state=AlertState(after.state),
        active_at=moment(after.active_at_ms),
        fired_at=None if after.fired_at_ms is None else moment(after.fired_at_ms),
    )


def _update(updated: Sequence[tuple[int, Episode]]) -> None:
    episodes = [after for _, after in updated]
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            [
                [alert_id for alert_id, _ in updated],
                [msgspec.json.encode(_storable(after.annotations)).decode() for after in episodes],
                [after.value for after in episodes],
                [str(after.state) for after in episodes],
                [after.active_at_ms for after in episodes],
                [after.fired_at_ms for after in episodes],
                [after.keep_firing_since_ms for after in episodes],
                [after.no_data_since_ms for after in episodes],
                [after.resolved_at_ms for after in episodes],
            ],
        )


def _note_events(updated: Iterable[tuple[int, Change]], *, now: datetime) -> None:
    """Write down which alerts have lost their data, and which have them back."""
    events = []
    for alert_id, change in updated:
        before, after = change.before, change.after
        since = None if before is None else before.no_data_since_ms
        if after is None or before is None or since == after.no_data_since_ms:
            continue
        if after.resolved_at_ms is None:
            kind = AlertEventKind.NO_DATA if since is None else AlertEventKind.DATA_BACK
            events.append(AlertEvent(alert_id=alert_id, kind=kind, at=now))
    AlertEvent.objects.bulk_create(events, batch_size=_BATCH_SIZE)


def _storable(texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts as PostgreSQL can hold them: templates may make any character."""
    return {
        name: text.replace("\x00", "\ufffd").encode(errors="replace").decode()
        for name, text in texts.items()
    }
