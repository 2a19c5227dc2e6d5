from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from alerts import tasks
from alerts.models import (
    Alert,
    AlertGroup,
    AlertGroupMember,
    AlertState,
    Integration,
    Notification,
    NotificationStatus,
    Route,
)
from alerts.retention import (
    NOTIFICATIONS_KEPT_FOR,
    RESOLVED_ALERTS_KEPT_FOR,
    delete_old_alerts,
    delete_old_notifications,
)
from tests.alerts.factories import NOW, AlertFactory, IntegrationFactory, NotificationFactory

pytestmark = pytest.mark.django_db

MOMENT = timedelta(seconds=1)


@pytest.fixture
def group() -> AlertGroup:
    return AlertGroup.objects.create(
        route=Route.objects.root(), key="{}:{}", key_digest="x", labels={}, active_since=NOW
    )


@pytest.fixture
def integration() -> Integration:
    integration: Integration = IntegrationFactory.create()
    return integration


def alert(**fields: Any) -> Alert:
    """Return an alert that was resolved just before the limit."""
    end = NOW - RESOLVED_ALERTS_KEPT_FOR - MOMENT
    made: Alert = AlertFactory.create(**{"state": AlertState.RESOLVED, "active_at": end, **fields})
    return made


def told(*statuses: str, **fields: Any) -> list[int]:
    """Make notifications just before the limit and return their ids, oldest first."""
    made_at = NOW - NOTIFICATIONS_KEPT_FOR - MOMENT
    return [
        NotificationFactory.create(**{"status": status, "created_at": made_at, **fields}).pk
        for status in statuses
    ]


def kept() -> list[int]:
    return list(Notification.objects.order_by("pk").values_list("pk", flat=True))


def test_alerts_resolved_long_ago_are_deleted() -> None:
    alert()
    young = alert(resolved_at=NOW - RESOLVED_ALERTS_KEPT_FOR)
    firing = alert(state=AlertState.FIRING)

    deleted = delete_old_alerts(now=NOW)

    assert deleted == 1
    assert set(Alert.objects.all()) == {young, firing}


def test_a_resolved_alert_whose_end_is_still_to_be_told_stays(group: AlertGroup) -> None:
    AlertGroupMember.objects.create(group=group, alert=alert())

    assert delete_old_alerts(now=NOW) == 0


def test_more_than_one_batch_is_deleted() -> None:
    rule = alert().rule
    Alert.objects.bulk_create(
        AlertFactory.build(
            rule=rule,
            state=AlertState.RESOLVED,
            active_at=NOW - RESOLVED_ALERTS_KEPT_FOR - MOMENT,
        )
        for _ in range(2_000)
    )

    deleted = delete_old_alerts(now=NOW)

    assert (deleted, Alert.objects.count()) == (2_001, 0)


@pytest.mark.parametrize(
    ("statuses", "stay"),
    [
        pytest.param(["sent"], [0], id="the only one that was told"),
        pytest.param(["sent", "recorded"], [1], id="a later one was told"),
        pytest.param(["sent", "failed"], [0], id="the later one failed"),
        pytest.param(["sent", "superseded", "dead"], [0], id="the later ones were never told"),
        pytest.param(["sent", "pending"], [0, 1], id="the later one may yet fail"),
        pytest.param(["sent", "sending"], [0, 1], id="the later one is being sent"),
        pytest.param(["failed", "sent", "sent"], [2], id="all but the newest"),
    ],
)
def test_what_a_group_was_told_last_stays(
    group: AlertGroup, integration: Integration, statuses: list[str], stay: list[int]
) -> None:
    ids = told(*statuses, group=group, integration=integration)
    before = Notification.objects.last_told([group])

    deleted = delete_old_notifications(now=NOW)

    assert kept() == [ids[place] for place in stay]
    assert deleted == len(statuses) - len(stay)
    assert Notification.objects.last_told([group]) == before


def test_each_integration_keeps_what_it_was_told(group: AlertGroup) -> None:
    first = told("sent", "sent", group=group)
    told("sent", group=None)

    deleted = delete_old_notifications(now=NOW)

    assert deleted == 1
    assert kept() == first


def test_notifications_of_groups_and_integrations_that_are_gone_are_deleted(
    group: AlertGroup, integration: Integration
) -> None:
    told("sent", group=None)
    told("sent", group=group, integration=integration)
    integration.delete()

    assert delete_old_notifications(now=NOW) == 2


def test_young_and_unfinished_notifications_stay() -> None:
    ids = told("sent", created_at=NOW - NOTIFICATIONS_KEPT_FOR)
    ids += told(NotificationStatus.PENDING, NotificationStatus.SENDING)

    delete_old_notifications(now=NOW)

    assert kept() == ids


def test_the_sweep_runs_daily_where_slow_work_belongs() -> None:
    alert(active_at=NOW - timedelta(days=3_650))
    told("sent", created_at=NOW - timedelta(days=3_650))

    tasks.delete_old_history()

    assert not Alert.objects.exists()
    assert not Notification.objects.exists()
    entries = [
        entry
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
        if entry["task"] == tasks.delete_old_history.name
    ]
    assert [entry["schedule"].run_every for entry in entries] == [timedelta(days=1)]
    assert settings.CELERY_TASK_ROUTES[tasks.delete_old_history.name] == {"queue": "bulk"}
