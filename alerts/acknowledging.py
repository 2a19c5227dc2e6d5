"""Acknowledgements: somebody says that they are on it, so that nobody else has to look.

An acknowledgement silences nothing. It holds until it is taken back, expires, or the alert is
resolved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from alerts.alert_locks import lock_alerts
from alerts.models import Alert, AlertEvent, AlertEventKind, AlertState
from observability.promql.durations import format_duration

MAX_OWNER_LENGTH = 200
MAX_NOTE_LENGTH = 2_000
MAX_EXPIRY = timedelta(days=90)

_EVENTS_IN_A_BATCH = 1_000
_NOT_ACKNOWLEDGED = {
    "acknowledged_at": None,
    "ack_owner": "",
    "ack_note": "",
    "ack_expires_at": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What somebody says when they acknowledge.

    Attributes:
        owner: Who sees to it.
        note: What they say about it.
        expires_in: After how long it ends by itself; None when only with the alert.
    """

    owner: str
    note: str = ""
    expires_in: timedelta | None = None

    @property
    def words(self) -> str:
        """What the history says of it, besides who did it and when."""
        length = self.expires_in and format_duration(int(self.expires_in.total_seconds() * 1000))
        head = f"{self.owner} is on it" + (f" for {length}" if length else "")
        return f"{head}: {self.note}" if self.note else head


@transaction.atomic
def acknowledge(
    alert_ids: Collection[int], said: Acknowledgement, *, by: str, now: datetime
) -> list[Alert]:
    """Acknowledge alerts and return those that were not resolved already.

    An acknowledgement that an alert has is replaced.
    """
    alerts = [alert for alert in lock_alerts(alert_ids) if alert.state != AlertState.RESOLVED]
    values = {
        "acknowledged_at": now,
        "ack_owner": said.owner,
        "ack_note": said.note,
        "ack_expires_at": now + said.expires_in if said.expires_in else None,
    }
    _write(alerts, values)
    _note(alerts, AlertEventKind.ACKNOWLEDGED, [said.words] * len(alerts), by=by, now=now)
    return alerts


@transaction.atomic
def take_back(alert_ids: Collection[int], *, by: str, now: datetime) -> list[Alert]:
    """Take acknowledgements back and return the alerts that had one."""
    alerts = [alert for alert in lock_alerts(alert_ids) if alert.is_acknowledged]
    owners = [alert.ack_owner for alert in alerts]
    _write(alerts, _NOT_ACKNOWLEDGED)
    _note(alerts, AlertEventKind.UNACKNOWLEDGED, owners, by=by, now=now)
    return alerts


def expire_acknowledgements(*, now: datetime) -> int:
    """End the acknowledgements whose time has come; return how many."""
    expired = Alert.objects.filter(acknowledged_at__isnull=False, ack_expires_at__lte=now)
    if not (ids := list(expired.values_list("pk", flat=True))):
        return 0
    with transaction.atomic():
        alerts = [
            alert
            for alert in lock_alerts(ids)
            # Somebody may have acknowledged anew meanwhile.
            if alert.is_acknowledged and alert.ack_expires_at and alert.ack_expires_at <= now
        ]
        owners = [alert.ack_owner for alert in alerts]
        _write(alerts, _NOT_ACKNOWLEDGED)
        _note(alerts, AlertEventKind.ACK_EXPIRED, owners, by="", now=now)
    return len(alerts)


def _write(alerts: Sequence[Alert], values: Mapping[str, object]) -> None:
    Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(**values)
    for alert in alerts:
        for name, value in values.items():
            setattr(alert, name, value)


def _note(
    alerts: Sequence[Alert],
    kind: AlertEventKind,
    texts: Sequence[str],
    *,
    by: str,
    now: datetime,
) -> None:
    AlertEvent.objects.bulk_create(
        [
            AlertEvent(alert=alert, kind=kind, at=now, by=by, text=text)
            for alert, text in zip(alerts, texts, strict=True)
        ],
        batch_size=_EVENTS_IN_A_BATCH,
    )
