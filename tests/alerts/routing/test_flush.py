from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY

from alerts.models import (
    Alert,
    AlertGroup,
    AlertGroupMember,
    AlertState,
    Integration,
    Notification,
    NotificationStatus,
    Receiver,
    Route,
)
from alerts.routing.dispatch import dispatch_alerts, redispatch
from alerts.routing.flush import flush_due, forget_groups, settle
from tests.alerts.factories import (
    NOW,
    AlertFactory,
    IntegrationFactory,
    NotificationFactory,
    ReceiverFactory,
)

pytestmark = pytest.mark.django_db

WAIT = timedelta(seconds=30)
INTERVAL = timedelta(minutes=5)
REPEAT = timedelta(hours=4)


@pytest.fixture
def receiver(db: None) -> Receiver:
    receiver: Receiver = ReceiverFactory.create()
    root = Route.objects.root()
    root.receiver = receiver
    root.save()
    return receiver


@pytest.fixture
def integration(receiver: Receiver) -> Integration:
    integration: Integration = IntegrationFactory.create(receiver=receiver)
    return integration


def fire(**fields: Any) -> Alert:
    alert: Alert = AlertFactory.create(**{"active_at": NOW, **fields})
    dispatch_alerts([alert], now=alert.active_at)
    return alert


def resolve(alert: Alert, *, at: datetime) -> None:
    alert.state, alert.resolved_at = AlertState.RESOLVED, at
    alert.save()
    dispatch_alerts([alert], now=at)


def told() -> list[tuple[str, str]]:
    return list(Notification.objects.order_by("pk").values_list("reason", "status"))


def deliver_all() -> None:
    """Stands for deliveries that succeed."""
    for row in Notification.objects.filter(status=NotificationStatus.PENDING):
        Notification.objects.filter(pk=row.pk).update(status=NotificationStatus.SENT)
        if row.group_id is not None:
            settle(row.group_id)


def test_new_group_is_told_after_group_wait_with_all_its_alerts(integration: Integration) -> None:
    fire()
    fire()

    early = flush_due(now=NOW + WAIT - timedelta(seconds=1))
    flush_due(now=NOW + WAIT)

    assert early == 0
    (row,) = Notification.objects.all()
    assert row.title == "[FIRING:2] HighLoad"
    assert [alert["status"] for alert in row.payload["alerts"]] == ["firing", "firing"]
    assert row.payload["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"


def test_alert_older_than_group_wait_is_told_at_once(integration: Integration) -> None:
    alert = AlertFactory.create(active_at=NOW - WAIT)
    dispatch_alerts([alert], now=NOW)

    flush_due(now=NOW)

    assert told() == [("first", "pending")]


def spoil_labels(group: AlertGroup, integration: Integration) -> None:
    """Stands for any fault of ours that one group's data bring out."""
    Alert.objects.filter(memberships__group=group).update(labels=["no", "labels"])


def take_idempotency_key(group: AlertGroup, integration: Integration) -> None:
    """Have the database refuse what the group's flush writes."""
    NotificationFactory.create(
        integration=integration, group=None, idempotency_key=f"{group.pk}:{integration.pk}:0"
    )


@pytest.mark.parametrize("poison", [spoil_labels, take_idempotency_key])
def test_group_that_cannot_be_flushed_is_put_off_and_holds_up_no_other(
    integration: Integration, poison: Callable[[AlertGroup, Integration], None]
) -> None:
    names = ["First", "Poisoned", "Last"]
    for name in names:
        fire(labels={"alertname": name, "severity": "error"})
    bad = AlertGroup.objects.get(labels={"alertname": "Poisoned"})
    poison(bad, integration)
    failures = REGISTRY.get_sample_value("portal_alert_group_flush_failures_total") or 0

    flush_due(now=NOW + WAIT)

    told = Notification.objects.filter(group__isnull=False)
    assert {row.group.labels["alertname"] for row in told if row.group} == {"First", "Last"}
    bad.refresh_from_db()
    assert (bad.next_flush_at, bad.flush_sequence) == (NOW + WAIT + timedelta(minutes=1), 0)
    good = AlertGroup.objects.exclude(pk=bad.pk)
    assert set(good.values_list("next_flush_at", "flush_sequence")) == {(NOW + WAIT + INTERVAL, 1)}
    assert REGISTRY.get_sample_value("portal_alert_group_flush_failures_total") == failures + 1


def test_each_integration_of_the_receiver_is_told(receiver: Receiver) -> None:
    IntegrationFactory.create(receiver=receiver)
    IntegrationFactory.create(receiver=receiver, kind="slack")
    IntegrationFactory.create(receiver=receiver, enabled=False)
    fire()

    flush_due(now=NOW + WAIT)

    assert set(Notification.objects.values_list("kind", flat=True)) == {"email", "slack"}


def test_changes_are_told_at_the_group_interval(integration: Integration) -> None:
    fire()
    flush_due(now=NOW + WAIT)
    deliver_all()
    fire(active_at=NOW + WAIT + timedelta(seconds=1))

    early = flush_due(now=NOW + WAIT + INTERVAL - timedelta(seconds=1))
    flush_due(now=NOW + WAIT + INTERVAL)

    assert early == 0
    assert told() == [("first", "sent"), ("new-firing", "pending")]


def test_firing_group_is_told_again_after_the_repeat_interval_only(
    integration: Integration,
) -> None:
    fire()
    flush_due(now=NOW + WAIT)
    deliver_all()

    flush_due(now=NOW + WAIT + REPEAT - timedelta(seconds=1))
    before = len(told())
    flush_due(now=NOW + WAIT + REPEAT + INTERVAL)

    assert before == 1
    assert told()[1:] == [("repeat", "pending")]


def test_resolved_alert_leaves_once_told_and_the_group_rests(integration: Integration) -> None:
    alert = fire()
    flush_due(now=NOW + WAIT)
    deliver_all()
    resolve(alert, at=NOW + timedelta(minutes=1))
    flush_due(now=NOW + WAIT + INTERVAL)
    stays = AlertGroupMember.objects.count()

    deliver_all()

    assert stays == 1
    assert told() == [("first", "sent"), ("all-resolved", "sent")]
    assert not AlertGroupMember.objects.exists()
    assert AlertGroup.objects.get().next_flush_at is None


def test_told_end_is_not_part_of_later_messages(integration: Integration) -> None:
    first, _ = fire(), fire()
    flush_due(now=NOW + WAIT)
    deliver_all()
    resolve(first, at=NOW + timedelta(minutes=1))
    flush_due(now=NOW + WAIT + INTERVAL)
    deliver_all()
    fire(active_at=NOW + INTERVAL + timedelta(minutes=1))

    flush_due(now=NOW + WAIT + 2 * INTERVAL)

    newest = Notification.objects.latest("pk")
    assert newest.title == "[FIRING:2] HighLoad"
    assert len(newest.payload["alerts"]) == 2


def test_group_that_was_only_ever_resolved_is_never_told(integration: Integration) -> None:
    alert = fire()
    resolve(alert, at=NOW + timedelta(seconds=5))

    flush_due(now=NOW + WAIT)

    assert told() == []
    assert AlertGroup.objects.get().next_flush_at is None


def test_alert_that_resolves_and_fires_between_two_flushes_is_no_news(
    integration: Integration,
) -> None:
    alert = fire()
    flush_due(now=NOW + WAIT)
    deliver_all()
    resolve(alert, at=NOW + timedelta(minutes=1))
    fire(labels=alert.labels, rule=alert.rule, active_at=NOW + timedelta(minutes=2))

    flush_due(now=NOW + WAIT + INTERVAL)

    assert told() == [("first", "sent")]


def test_integration_without_resolved_messages_records_the_end_and_tells_the_next_firing(
    receiver: Receiver,
) -> None:
    IntegrationFactory.create(receiver=receiver, send_resolved=False)
    alert = fire()
    flush_due(now=NOW + WAIT)
    deliver_all()
    resolve(alert, at=NOW + timedelta(minutes=1))
    flush_due(now=NOW + WAIT + INTERVAL)
    again = NOW + timedelta(hours=1)
    fire(labels=alert.labels, rule=alert.rule, active_at=again)

    flush_due(now=again + WAIT)

    assert told() == [
        ("first", "sent"),
        ("all-resolved", "recorded"),
        ("new-firing", "pending"),
    ]


def test_message_that_failed_for_good_is_made_again_at_the_next_flush(
    integration: Integration,
) -> None:
    fire()
    flush_due(now=NOW + WAIT)
    Notification.objects.update(status=NotificationStatus.FAILED)

    flush_due(now=NOW + WAIT + INTERVAL)

    assert told() == [("first", "failed"), ("first", "pending")]


def test_news_takes_the_place_of_a_message_that_still_waits(integration: Integration) -> None:
    alert = fire()
    flush_due(now=NOW + WAIT)
    put_off_until = NOW + timedelta(minutes=20)
    Notification.objects.update(next_attempt_at=put_off_until, attempts=3)
    resolve(alert, at=NOW + timedelta(minutes=1))

    flush_due(now=NOW + WAIT + INTERVAL)

    assert told() == [("first", "superseded"), ("all-resolved", "pending")]
    assert Notification.objects.latest("pk").next_attempt_at == put_off_until


def test_flush_without_a_receiver_tells_nobody_and_lets_resolved_alerts_go() -> None:
    Route.objects.update(receiver=None)
    alert = fire()
    flush_due(now=NOW + WAIT)
    resolve(alert, at=NOW + timedelta(minutes=1))

    flush_due(now=NOW + WAIT + INTERVAL)

    assert told() == []
    assert not AlertGroupMember.objects.exists()


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        pytest.param([], 1, id="all in one"),
        pytest.param(["alertname"], 2, id="by name"),
        pytest.param(["..."], 3, id="each its own"),
    ],
)
def test_group_by_decides_how_many_messages_there_are(
    integration: Integration, group_by: list[str], groups: int
) -> None:
    Route.objects.update(group_by=group_by)
    fire()
    fire()
    fire(labels={"alertname": "DiskFull", "severity": "critical"})

    flush_due(now=NOW + WAIT)

    assert Notification.objects.count() == groups


def test_saving_an_unchanged_route_sends_nothing_twice(integration: Integration) -> None:
    fire()
    flush_due(now=NOW + WAIT)
    deliver_all()

    redispatch(Route.objects.root(), now=NOW + timedelta(minutes=1))
    flush_due(now=NOW + timedelta(minutes=2))

    assert told() == [("first", "sent")]


def test_integration_that_is_added_while_alerts_fire_is_told_of_them(
    integration: Integration, receiver: Receiver
) -> None:
    fire()
    flush_due(now=NOW + WAIT)
    deliver_all()
    IntegrationFactory.create(receiver=receiver, kind="slack")

    redispatch(Route.objects.root(), now=NOW + timedelta(minutes=1))
    flush_due(now=NOW + timedelta(minutes=1))

    assert list(Notification.objects.order_by("pk").values_list("kind", flat=True)) == [
        "email",
        "slack",
    ]


def test_flush_does_not_need_more_queries_for_more_groups(integration: Integration) -> None:
    Route.objects.update(group_by=["..."])
    fire()
    with CaptureQueriesContext(
        connection,
    ) as few:
        flush_due(now=NOW + WAIT)
    for _ in range(10):
        fire(active_at=NOW + INTERVAL)

    with CaptureQueriesContext(connection) as many:
        flush_due(now=NOW + INTERVAL + WAIT)

    assert len(many) == len(few)
    assert Notification.objects.count() == 11


def test_group_at_rest_is_forgotten_after_five_days(integration: Integration) -> None:
    alert = fire()
    resolve(alert, at=NOW + timedelta(seconds=5))
    flush_due(now=NOW + WAIT)

    kept = forget_groups(now=NOW + timedelta(days=4))
    forgotten = forget_groups(now=NOW + timedelta(days=6))

    assert (kept, forgotten) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_workers_that_flush_at_once_make_each_notification_once(integration: Integration) -> None:
    Route.objects.update(group_by=["..."])
    for _ in range(40):
        fire()
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        flush_due(now=NOW + WAIT)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert Notification.objects.count() == 40
    assert Notification.objects.values("group_id").distinct().count() == 40
