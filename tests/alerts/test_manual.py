from __future__ import annotations

import threading

import pytest
from django.db import connections

from alerts.manual import Report, report_alert, resolve_alerts
from alerts.models import Alert, AlertEventKind
from tests.alerts.factories import NOW, AlertFactory, RuleFactory, RuleGroupFactory

REPORT = Report(name="Leak", severity="error", labels={"hall": "2"}, annotations={})


@pytest.mark.django_db(transaction=True)
def test_two_people_who_report_the_same_at_once_make_one_alert() -> None:
    start = threading.Barrier(2)
    news: list[bool] = []

    def report() -> None:
        try:
            start.wait(timeout=10)
            news.append(report_alert(REPORT, now=NOW)[1])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=report) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(news) == [False, True]
    assert Alert.objects.count() == 1


@pytest.mark.django_db
def test_an_alert_of_a_rule_without_data_is_resolved_by_hand() -> None:
    group = RuleGroupFactory.create()
    rule = RuleFactory.create(group=group)
    alert = AlertFactory.create(rule=rule, no_data_since=NOW, acknowledged_at=NOW)

    done = resolve_alerts([alert.pk], by="ann", now=NOW)

    alert.refresh_from_db()
    version = group.version
    group.refresh_from_db()
    assert done.refused == []
    assert (alert.state, alert.resolved_at, alert.acknowledged_at) == ("resolved", NOW, None)
    assert group.version == version + 1
    assert alert.memberships.exists()
    event = alert.events.get()
    assert (event.kind, event.by) == (AlertEventKind.RESOLVED_BY_HAND, "ann")


@pytest.mark.django_db
def test_nobody_is_told_of_the_end_of_an_alert_that_never_fired() -> None:
    alert = AlertFactory.create(state="pending", no_data_since=NOW)

    resolve_alerts([alert.pk], by="ann", now=NOW)

    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert not alert.memberships.exists()


@pytest.mark.django_db
def test_a_rule_that_has_data_resolves_its_alerts_itself() -> None:
    alert = AlertFactory.create()

    done = resolve_alerts([alert.pk], by="ann", now=NOW)

    alert.refresh_from_db()
    assert done.refused == [alert]
    assert alert.state == "firing"
    assert not alert.events.exists()
