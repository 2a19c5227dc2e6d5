from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts import tasks
from alerts.models import Backtest, BacktestStatus, Rule, RuleGroup
from observability.access.roles import OPERATOR, VIEWER
from observability.metrics.backend import get_backend
from observability.metrics.samples import SampleBatch
from tests.access.cast import signed_in
from tests.alerts.factories import RuleFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/alerts/backtest/"
ADD = f"{LIST}add/"
DRAFT = f"{LIST}draft/"
MINUTES = 120


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


def record(name: str, levels: list[float]) -> None:
    """Store the load of one instance over the past two hours, minute by minute."""
    now_ms = int(timezone.now().timestamp() * 1000)
    minutes = np.arange(MINUTES, dtype=np.int64)
    get_backend().append(
        SampleBatch(
            label_sets=[(("__name__", name), ("instance", "web-1"))],
            series=np.zeros(MINUTES, dtype=np.int64),
            timestamps_ms=now_ms - (MINUTES - minutes) * 60_000,
            values=np.resize(np.array(levels), MINUTES),
        )
    )


def fields(**changes: Any) -> dict[str, Any]:
    """Return what a browser sends for the simplest rule."""
    return {
        "name": "HighLoad",
        "severity": "critical",
        "enabled": "on",
        "made_in": "simple",
        "metric": "bt_load",
        "operator": ">",
        "threshold": "5",
        "hold_ms": "2m",
        "on_no_data": "resolve",
        "on_error": "keep",
        "group": str(RuleGroup.objects.default().pk),
        "backtest_days": "1",
    } | changes


def page_of(operator: Client, backtest: Backtest) -> str:
    response = operator.get(backtest.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()


def test_a_saved_rule_is_tested_from_its_page(operator: Client) -> None:
    record("bt_saved", [0.0] * 20 + [9.0] * 10)
    rule = RuleFactory.create(name="Saved", expr="bt_saved > 5", on_no_data="resolve")

    form = operator.get(f"{ADD}?rule={rule.pk}")
    response = operator.post(ADD, {"rule": rule.pk, "days": "1"})

    backtest = Backtest.objects.get()
    assert form.status_code == 200
    assert response["Location"] == backtest.get_absolute_url()
    assert backtest.rule == rule
    assert backtest.created_by == User.objects.get()
    assert "Waiting for a worker" in page_of(operator, backtest)
    tasks.run_backtests()
    page = page_of(operator, backtest)
    assert "It would have fired 4 times in 1 day" in page
    assert "One of its alerts flaps" not in page
    assert 'instance="web-1"' in page


def test_a_form_that_is_not_saved_is_tested_and_stays_unsaved(operator: Client) -> None:
    record("bt_load", [0.0] * 20 + [9.0] * 10)

    response = operator.post(DRAFT, fields())
    tasks.run_backtests()

    backtest = Backtest.objects.get()
    page = page_of(operator, backtest)
    assert response["Location"] == backtest.get_absolute_url()
    assert not Rule.objects.exists()
    assert "It would have fired 4 times" in page
    assert "not a saved rule" in page


def test_changes_in_the_form_of_a_saved_rule_are_tested_and_not_saved(operator: Client) -> None:
    rule = RuleFactory.create(name="Saved", expr="bt_load > 1")

    operator.post(f"{DRAFT}?rule={rule.pk}", fields(threshold="7", position="0"))

    backtest = Backtest.objects.get()
    rule.refresh_from_db()
    assert backtest.rule == rule
    assert (backtest.definition["expr"], rule.expr) == ("bt_load > 7", "bt_load > 1")


def test_a_form_without_a_name_is_tested_all_the_same(operator: Client) -> None:
    operator.post(DRAFT, fields(name=""))

    assert Backtest.objects.get().definition["name"] == "Draft"


def test_what_is_wrong_in_the_form_is_said(operator: Client) -> None:
    response = operator.post(DRAFT, fields(threshold="", hold_ms="soon"))

    page = response.content.decode()
    assert response.status_code == 200
    assert "Give the value to compare with" in page
    assert "expected a duration" in page
    assert not Backtest.objects.exists()


def test_the_form_of_a_rule_offers_backtests(operator: Client) -> None:
    rule = RuleFactory.create()

    add = operator.get("/admin/alerts/rule/add/").content.decode()
    change = operator.get(rule.get_absolute_url()).content.decode()

    assert len(re.findall(f'formaction="{DRAFT}"', add)) == 3
    assert len(re.findall(f'formaction="{DRAFT}\\?rule={rule.pk}"', change)) == 3


def test_it_is_run_again_with_other_numbers(operator: Client) -> None:
    record("bt_again", [0.0] * 20 + [9.0] * 10)
    rule = RuleFactory.create(name="Again", expr="bt_again > 5", on_no_data="resolve")
    operator.post(ADD, {"rule": rule.pk, "days": "1"})
    first = Backtest.objects.get()
    tasks.run_backtests()

    response = operator.post(
        f"{LIST}{first.pk}/again/",
        {"hold_ms": "20m", "keep_firing_ms": "0s", "threshold": "5", "days": "1"},
    )
    tasks.run_backtests()

    second = Backtest.objects.exclude(pk=first.pk).get()
    page = page_of(operator, second)
    assert response["Location"] == second.get_absolute_url()
    assert "It would not have fired" in page
    assert "Alerts were pending for" in page
    assert f'href="{first.get_absolute_url()}"' in page
    assert rule.hold_ms == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hold_ms": "soon"}, "expected a duration"),
        ({"days": "range"}, "Say from when."),
        ({"days": "range", "from_at": "2020-01-01T00:00"}, "no more than 31 days"),
    ],
    ids=["duration", "no range", "long range"],
)
def test_wrong_numbers_are_refused_where_they_stand(
    operator: Client, changes: dict[str, str], message: str
) -> None:
    rule = RuleFactory.create(expr="bt_wrong > 5")
    operator.post(ADD, {"rule": rule.pk, "days": "1"})
    backtest = Backtest.objects.get()
    sent = {"hold_ms": "1m", "keep_firing_ms": "0s", "threshold": "5", "days": "1"} | changes

    response = operator.post(f"{LIST}{backtest.pk}/again/", sent)

    assert message in response.content.decode() or backtest.is_unfinished
    assert Backtest.objects.count() == 1


def test_one_at_work_is_canceled(operator: Client) -> None:
    rule = RuleFactory.create()
    operator.post(ADD, {"rule": rule.pk, "days": "30"})
    backtest = Backtest.objects.get()

    operator.post(f"{LIST}{backtest.pk}/cancel/")
    again = operator.post(f"{LIST}{backtest.pk}/cancel/", follow=True)

    backtest.refresh_from_db()
    assert backtest.status == BacktestStatus.CANCELED
    assert "canceled before it had found anything" in page_of(operator, backtest)
    assert "It had ended already" in again.content.decode()


def test_a_rule_without_data_says_so(operator: Client) -> None:
    rule = RuleFactory.create(expr="bt_nowhere > 5")
    operator.post(ADD, {"rule": rule.pk, "days": "1"})

    tasks.run_backtests()

    page = page_of(operator, Backtest.objects.get())
    assert "There were no samples of bt_nowhere in this time." in page
    assert "It would not have fired" in page


def test_viewers_read_backtests_and_start_none(operator: Client) -> None:
    rule = RuleFactory.create()
    operator.post(ADD, {"rule": rule.pk, "days": "1"})
    backtest = Backtest.objects.get()
    viewer = signed_in(VIEWER)

    page = viewer.get(backtest.get_absolute_url()).content.decode()

    assert "Cancel" not in page
    assert "Run again" not in page
    assert viewer.post(ADD, {"rule": rule.pk, "days": "1"}).status_code == 403
    assert viewer.post(DRAFT, fields()).status_code == 403
    assert viewer.post(f"{LIST}{backtest.pk}/cancel/").status_code == 403
    assert viewer.get(DRAFT).status_code == 403


def test_the_list_takes_as_many_queries_for_many_rows_as_for_few(operator: Client) -> None:
    rule = RuleFactory.create(name="Listed")
    operator.get(LIST)
    counts = []
    for number in (2, 12):
        for _ in range(number):
            Backtest.objects.create(
                rule=rule,
                definition={"name": "Listed", "expr": "up == 0"},
                start_at=timezone.now() - timedelta(days=1),
                end_at=timezone.now(),
                created_by=User.objects.get(),
            )
        with CaptureQueriesContext(connection) as queries:
            page = operator.get(LIST).content.decode()
        counts.append(len(queries))

    assert page.count("up == 0") >= 14
    assert counts[0] == counts[1] < 15


def test_an_empty_list_says_what_a_backtest_is(operator: Client) -> None:
    page = operator.get(LIST).content.decode()

    assert "No backtests yet" in page
    assert f'href="{ADD}"' in page
