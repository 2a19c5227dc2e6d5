"""Test messages: made by a button, delivered on the same path as real ones."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import partial

import msgspec
from django.db import transaction

from alerts.models import Integration, Notification, NotificationReason, Receiver
from alerts.routing.flush import QUEUE_TRUST
from alerts.routing.message import Message, MessageAlert, compose
from alerts.routing.snapshot import external_url, query_url
from alerts.rules.fingerprints import fingerprint
from alerts.wakeups import wake_deliveries

_LABELS = {"alertname": "TestAlert", "instance": "example", "severity": "info"}


def send_test(receiver: Receiver, *, now: datetime) -> list[Notification]:
    """Put a test message to each of the receiver's integrations into the outbox."""
    made = []
    for integration in Integration.objects.filter(receiver=receiver, enabled=True):
        message = _message(receiver, now=now)
        key = f"test-{uuid.uuid4().hex}"
        made.append(
            Notification(
                integration=integration,
                receiver_name=receiver.name,
                kind=integration.kind,
                reason=NotificationReason.TEST,
                payload=message.to_json(),
                title=message.title,
                thread=key,
                idempotency_key=key,
                due_at=now,
                next_attempt_at=now,
                queued_until=now + QUEUE_TRUST,
                created_at=now,
            )
        )
    with transaction.atomic():
        Notification.objects.bulk_create(made)
        transaction.on_commit(partial(wake_deliveries, [row.pk for row in made]))
    return made


def _message(receiver: Receiver, *, now: datetime) -> Message:
    alert = MessageAlert(
        status="firing",
        labels=_LABELS,
        annotations={
            "summary": f"Test message to {receiver.name}",
            "description": "Nothing is wrong. Somebody has pressed 'Send test' in the portal to see "
            "whether alerts reach you; they look like this.",
        },
        starts_at=now,
        fingerprint=fingerprint(_LABELS),
        name=_LABELS["alertname"],
        severity=_LABELS["severity"],
        value="1",
        expr="vector(1)",
        generator_url=query_url("vector(1)"),
        alert_url=external_url(receiver.get_absolute_url()),
    )
    message = compose(
        [alert],
        group_key='{}:{alertname="TestAlert"}',
        group_labels={"alertname": "TestAlert"},
        receiver=receiver.name,
        external_url=external_url(),
    )
    return msgspec.structs.replace(message, is_test=True)
