from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from alerts import tasks
from alerts.models import Backtest, Rule
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.samples import SampleBatch
from tests.alerts.factories import RuleFactory
from tests.alerts.test_api_rules import Api

pytestmark = pytest.mark.django_db

DEFINITION = {"name": "HighLoad", "metric": "api_load", "operator": ">", "threshold": 5, "on_no_data": "resolve"}  # fmt: skip


@pytest.fixture
def api() -> Api:
    return Api(Scope.ALERTS_READ, Scope.ALERTS_WRITE)


def record(name: str) -> None:
    """Store two hours of a load that is high for 10 minutes in each half hour."""
    now_ms = int(timezone.now().timestamp() * 1000)
    minutes = np.arange(120, dtype=np.int64)
    get_backend().append(
        SampleBatch(
            label_sets=[(("__name__", name), ("instance", "web-1"))],
            series=np.zeros(120, dtype=np.int64),
            timestamps_ms=now_ms - (120 - minutes) * 60_000,
            values=np.where(minutes % 30 < 20, 0.0, 9.0),
        )
    )


def test_a_saved_rule_is_tested_and_the_result_fetched(api: Api) -> None:
    record("api_saved")
    rule = RuleFactory.create(expr="api_saved > 5", on_no_data="resolve")

    asked = api("POST", "/api/backtests", {"rule": rule.pk, "days": 1})
    before = api("GET", f"/api/backtests/{asked.json()['id']}").json()
    tasks.run_backtests()
    after = api("GET", f"/api/backtests/{asked.json()['id']}").json()

    assert asked.status_code == 202, asked.content
    assert (before["status"], before["result"]) == ("queued", None)
    assert (after["status"], after["progress"]) == ("done", 1.0)
    assert after["result"]["totals"]["fired"] == 4
    assert after["result"]["totals"]["median_seconds"] == 600.0
    episode = after["result"]["episodes"][0]
    assert episode["labels"]["instance"] == "web-1"
    assert episode["peak"] == 9.0
    assert episode["fired_at"] < episode["over_at"]


def test_a_definition_is_tested_and_not_saved(api: Api) -> None:
    record("api_load")

    asked = api("POST", "/api/backtests", {"definition": DEFINITION, "days": 1})
    tasks.run_backtests()

    answer = api("GET", f"/api/backtests/{asked.json()['id']}").json()
    assert (answer["rule"], answer["expr"]) == (None, "api_load > 5")
    assert answer["result"]["totals"]["fired"] == 4
    assert not Rule.objects.exists()


def test_a_range_of_its_own_is_tested(api: Api) -> None:
    times = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}

    asked = api("POST", "/api/backtests", {"definition": DEFINITION, **times})

    assert asked.status_code == 202, asked.content
    assert (asked.json()["start"], asked.json()["end"]) == (times["start"], times["end"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"days": 1}, "rule"),
        ({"rule": 99_999_999, "days": 1}, "rule"),
        ({"rule": 1, "definition": DEFINITION, "days": 1}, "rule"),
        ({"definition": DEFINITION}, "days"),
        ({"definition": DEFINITION, "days": 32}, "days"),
        ({"definition": DEFINITION, "days": 1, "end": "2026-03-02T00:00:00Z"}, "end"),
        ({"definition": DEFINITION, "days": 1, "start": "2026-03-02T00:00:00Z"}, "days"),
        ({"definition": DEFINITION, "start": "soon"}, "start"),
        (
            {
                "definition": DEFINITION,
                "start": "2026-03-02T00:00:00Z",
                "end": "2026-03-01T00:00:00Z",
            },
            "start",
        ),
        ({"definition": {**DEFINITION, "operator": "=>"}, "days": 1}, "definition.operator"),
        ({"definition": {"record": "a:b", "expr": "sum(up)"}, "days": 1}, "rule"),
    ],
    ids=[
        "no rule",
        "unknown rule",
        "two rules",
        "no time",
        "too many days",
        "end of days",
        "two times",
        "no such time",
        "backwards",
        "wrong definition",
        "recording rule",
    ],
)
def test_a_wrong_field_is_named(api: Api, body: dict[str, Any], field: str) -> None:
    if body.get("rule") == 1:
        body = {**body, "rule": RuleFactory.create().pk}

    response = api("POST", "/api/backtests", body)

    assert response.status_code == 422, response.content
    assert field in [detail["field"] for detail in response.json()["error"]["details"]]
    assert not Backtest.objects.exists()


def test_backtests_are_listed_without_results(api: Api) -> None:
    for _ in range(3):
        api("POST", "/api/backtests", {"definition": DEFINITION, "days": 1})

    first = api("GET", "/api/backtests?page_size=2").json()
    second = api("GET", first["next"]).json()

    assert [len(page["results"]) for page in (first, second)] == [2, 1]
    assert "result" not in first["results"][0]


def test_a_backtest_is_canceled(api: Api) -> None:
    asked = api("POST", "/api/backtests", {"definition": DEFINITION, "days": 30}).json()

    response = api("DELETE", f"/api/backtests/{asked['id']}")

    assert response.status_code == 204
    assert api("GET", f"/api/backtests/{asked['id']}").json()["status"] == "canceled"


def test_too_many_waiting_backtests_are_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.rules.backtesting.runs.MOST_UNFINISHED", 0)

    response = api("POST", "/api/backtests", {"definition": DEFINITION, "days": 1})

    assert response.status_code == 429


def test_reading_alone_starts_nothing() -> None:
    reader = Api(Scope.ALERTS_READ)

    response = reader("POST", "/api/backtests", {"definition": DEFINITION, "days": 1})

    assert response.status_code == 403
