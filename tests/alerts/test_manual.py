from __future__ import annotations

import threading

import pytest
from django.db import connections

from alerts.manual import Report, report_alert
from alerts.models import Alert
from tests.alerts.factories import NOW

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
