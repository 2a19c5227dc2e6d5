from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.acknowledging import (
    Acknowledgement,
    acknowledge,
    expire_acknowledgements,
    take_back,
)
from alerts.models import Alert, AlertEvent, AlertEventKind, AlertState
from tests.alerts.factories import NOW, AlertFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def kinds(alert: Alert) -> list[str]:
    return list(AlertEvent.objects.filter(alert=alert).values_list("kind", flat=True))


def test_an_acknowledgement_says_who_why_and_until_when() -> None:
    alert = AlertFactory.create()

    said = Acknowledgement(owner="ops", note="Changing the disk", expires_in=HOUR)
    acknowledge([alert.pk], said, by="ann", now=NOW)

    alert.refresh_from_db()
    assert (alert.is_acknowledged, alert.ack_owner, alert.ack_note) == (
        True,
        "ops",
        "Changing the disk",
    )
    assert alert.ack_expires_at == NOW + HOUR
    event = AlertEvent.objects.get(alert=alert)
    assert (event.kind, event.by, event.at) == (AlertEventKind.ACKNOWLEDGED, "ann", NOW)
    assert event.text == "ops is on it for 1h: Changing the disk"


def test_resolved_alerts_cannot_be_acknowledged() -> None:
    alert = AlertFactory.create(state=AlertState.RESOLVED)

    done = acknowledge([alert.pk], Acknowledgement(owner="ann"), by="ann", now=NOW)

    assert done == []
    assert kinds(alert) == []


def test_who_acknowledges_again_replaces_what_was_said() -> None:
    alert = AlertFactory.create()
    first = Acknowledgement(owner="ann", expires_in=HOUR)
    acknowledge([alert.pk], first, by="ann", now=NOW)

    acknowledge([alert.pk], Acknowledgement(owner="bob"), by="bob", now=NOW)

    alert.refresh_from_db()
    assert (alert.ack_owner, alert.ack_expires_at) == ("bob", None)
    assert len(kinds(alert)) == 2


def test_an_acknowledgement_is_taken_back() -> None:
    alert, other = AlertFactory.create_batch(2)
    acknowledge([alert.pk], Acknowledgement(owner="ann"), by="ann", now=NOW)

    done = take_back([alert.pk, other.pk], by="bob", now=NOW)

    alert.refresh_from_db()
    assert done == [alert]
    assert not alert.is_acknowledged
    assert kinds(alert)[-1] == AlertEventKind.UNACKNOWLEDGED
    assert kinds(other) == []


def test_an_acknowledgement_ends_when_its_time_has_come() -> None:
    short, long, endless = AlertFactory.create_batch(3)
    acknowledge([short.pk], Acknowledgement(owner="a", expires_in=HOUR), by="", now=NOW)
    acknowledge([long.pk], Acknowledgement(owner="b", expires_in=2 * HOUR), by="", now=NOW)
    acknowledge([endless.pk], Acknowledgement(owner="c"), by="", now=NOW)

    assert expire_acknowledgements(now=NOW + HOUR) == 1
    assert expire_acknowledgements(now=NOW + HOUR) == 0

    still = Alert.objects.filter(acknowledged_at__isnull=False).order_by("pk")
    assert list(still) == [long, endless]
    assert kinds(short)[-1] == AlertEventKind.ACK_EXPIRED
