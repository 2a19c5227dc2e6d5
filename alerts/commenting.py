"""Comments: what people find out about an alert, for whoever looks next."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from alerts.alert_locks import lock_alerts
from alerts.models import AlertEvent, AlertEventKind

MAX_COMMENT_LENGTH = 10_000
_COMMENTS_IN_A_BATCH = 1_000


@transaction.atomic
def comment(alert_ids: Collection[int], text: str, *, by: str, now: datetime) -> list[AlertEvent]:
    """Say something about alerts, resolved ones too; return a comment for each that there is."""
    return AlertEvent.objects.bulk_create(
        [
            AlertEvent(alert=alert, kind=AlertEventKind.COMMENT, at=now, by=by, text=text)
            # An alert that is only pending vanishes when its condition ends.
            for alert in lock_alerts(alert_ids)
        ],
        batch_size=_COMMENTS_IN_A_BATCH,
    )
