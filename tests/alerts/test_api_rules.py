from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertState, Rule, RuleGroup
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from tests.access.cast import bearer, make_key
from tests.alerts.factories import AlertFactory, RuleFactory

pytestmark = pytest.mark.django_db

CPU = {"name": "High CPU Usage", "metric": "cpu_usage", "operator": ">", "threshold": 90.0}


class Api:
    """A program with a key of the given scopes."""

    def __init__(self, *scopes: Scope) -> None:
        self._client = Client(headers=bearer(make_key(*scopes)))

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        return self._client.generic(
            method, path, "" if body is None else json.dumps(body), content_type="application/json"
        )


@pytest.fixture
def api() -> Api:
    return Api(Scope.ALERTS_READ, Scope.ALERTS_WRITE)


def test_a_rule_is_made_as_the_guides_make_it(api: Api) -> None:
    body = {**CPU, "duration": "5m", "severity": "warning"}

    response = api("POST", "/api/alert-rules", body)

    assert response.status_code == 201, response.content
    made = response.json()
    assert made["expr"] == "cpu_usage > 90"
    assert (made["metric"], made["operator"], made["threshold"]) == ("cpu_usage", ">", 90.0)
    assert (made["duration"], made["severity"], made["group"]) == ("5m", "warning", "Default")


def test_a_rule_can_be_made_in_promql(api: Api) -> None:
    response = api("POST", "/api/alert-rules/", {"name": "Down", "expr": "up == 0"})

    assert response.status_code == 201, response.content
    assert response.json()["expr"] == "up == 0"
    assert response.json()["metric"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "A"}, "metric"),
        ({**CPU, "operator": "=>"}, "operator"),
        ({**CPU, "threshold": "high"}, "threshold"),
        ({**CPU, "threshold": 1e999}, "threshold"),
        ({**CPU, "duration": "soon"}, "duration"),
        ({**CPU, "duration": -5}, "duration"),
        ({**CPU, "severity": "page"}, "severity"),
        ({**CPU, "metric": "a b\x00"}, "metric"),
        ({**CPU, "labels": {"alertname": "x"}}, "labels.alertname"),
        ({**CPU, "labels": {"a b": "x"}}, "labels.a b"),
        ({**CPU, "labels": {f"l{n}": "x" for n in range(41)}}, "labels"),
        ({**CPU, "labels": {"a": "x" * 2_049}}, "labels.a"),
        ({**CPU, "annotations": {f"a{n}": "x" for n in range(41)}}, "annotations"),
        ({**CPU, "annotations": {"a": "x" * 10_001}}, "annotations.a"),
        ({**CPU, "name": 5}, "name"),
        ({**CPU, "group": 5}, "group"),
        ({**CPU, "metric": 'queue{queue="mail"}'}, "metric"),
        ({**CPU, "metric": "1a b"}, "metric"),
        ({**CPU, "labels": ["x"]}, "labels"),
        ({**CPU, "annotations": {"summary": "{{ nope }}"}}, "annotations.summary"),
        ({**CPU, "filters": [{"label": "a", "operator": "=~", "value": "("}]}, "filters[0].value"),
        ({**CPU, "expr": "up == 0"}, "expr"),
        ({"name": "A", "expr": "sum("}, "expr"),
        ({"name": "A", "expr": "up[5m]"}, "expr"),
        ({"name": "A", "expr": ""}, "expr"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_wrong_field_is_named(api: Api, body: dict[str, Any], field: str) -> None:
    response = api("POST", "/api/alert-rules", body)

    assert response.status_code in {400, 422}
    if response.status_code == 422:
        assert field in [detail["field"] for detail in response.json()["error"]["details"]]
    assert not Rule.objects.exists()


@pytest.mark.parametrize("body", [[], "x", 5, None, [CPU]], ids=repr)
def test_a_body_that_is_no_rule_is_refused(api: Api, body: object) -> None:
    response = api("POST", "/api/alert-rules", body)

    assert response.status_code in {400, 422}


def test_rules_are_listed_in_pages(api: Api) -> None:
    for number in range(3):
        RuleFactory.create(name=f"Rule {number}")

    first = api("GET", "/api/alert-rules?page_size=2").json()
    second = api("GET", first["next"]).json()

    names = [rule["name"] for rule in first["results"] + second["results"]]
    assert names == ["Rule 2", "Rule 1", "Rule 0"]
    assert second["next"] is None


def test_a_rule_says_how_many_of_its_alerts_are_active(api: Api) -> None:
    rule = RuleFactory.create()
    AlertFactory.create(rule=rule)
    AlertFactory.create(rule=rule, state=AlertState.PENDING)
    AlertFactory.create(rule=rule, state=AlertState.RESOLVED)

    shown = api("GET", f"/api/alert-rules/{rule.pk}").json()

    assert (shown["firing"], shown["pending"]) == (1, 1)


def test_a_part_of_the_simple_form_can_be_changed(api: Api) -> None:
    rule_id = api("POST", "/api/alert-rules", CPU).json()["id"]

    changed = api("PATCH", f"/api/alert-rules/{rule_id}", {"threshold": 95}).json()

    assert changed["expr"] == "cpu_usage > 95"
    assert changed["name"] == "High CPU Usage"


def test_a_replaced_rule_takes_defaults_for_what_is_not_given(api: Api) -> None:
    rule_id = api("POST", "/api/alert-rules", {**CPU, "duration": "5m"}).json()["id"]

    replaced = api("PUT", f"/api/alert-rules/{rule_id}", {"name": "Down", "expr": "up == 0"}).json()

    assert (replaced["name"], replaced["duration"], replaced["metric"]) == ("Down", "0s", None)


def test_deleting_a_rule_resolves_its_alerts_and_keeps_them(api: Api) -> None:
    rule = RuleFactory.create()
    AlertFactory.create(rule=rule)
    AlertFactory.create(rule=rule, state=AlertState.PENDING)

    response = api("DELETE", f"/api/alert-rules/{rule.pk}")

    assert response.status_code == 204
    alert = Alert.objects.get()
    assert (alert.state, alert.rule_id) == (AlertState.RESOLVED, None)


def test_disabling_a_rule_resolves_its_alerts(api: Api) -> None:
    alert = AlertFactory.create()

    api("PATCH", f"/api/alert-rules/{alert.rule_id}", {"enabled": False})

    alert.refresh_from_db()
    assert alert.state == AlertState.RESOLVED


def test_a_changed_rule_makes_its_group_due(api: Api) -> None:
    RuleGroup.objects.update(next_evaluation_at=timezone.now() + timedelta(days=1))

    api("POST", "/api/alert-rules", CPU)

    assert RuleGroup.objects.default().next_evaluation_at <= timezone.now()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_rule_that_does_not_exist_is_not_found(api: Api, method: str) -> None:
    response = api(method, "/api/alert-rules/999999999999999999", CPU)

    assert response.status_code == 404


def test_evaluation_on_demand_says_what_each_rule_did(api: Api) -> None:
    now_ms = int(timezone.now().timestamp() * 1000) - 1000
    get_backend().append(batch_at(now_ms, [((("__name__", "cpu_usage"),), 95.0)]))
    api("POST", "/api/alert-rules", CPU)
    api("POST", "/api/alert-rules", {"name": "Broken", "expr": 'label_join(x, "a", "b", "c d e")'})

    response = api("POST", "/api/alert-rules/evaluate")

    assert response.status_code == 200
    fired = next(r for r in response.json()["results"] if r["name"] == "High CPU Usage")
    assert (fired["became_firing"], fired["firing"], fired["health"]) == (1, 1, "ok")
    assert Alert.objects.get().state == AlertState.FIRING


def test_reading_needs_no_right_to_write() -> None:
    reader = Api(Scope.ALERTS_READ)

    assert reader("GET", "/api/alert-rules").status_code == 200
    assert reader("POST", "/api/alert-rules", CPU).status_code == 403
    assert reader("POST", "/api/alert-rules/evaluate").status_code == 403


def test_listing_rules_asks_the_database_no_more_for_more_rules(
    api: Api, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        AlertFactory.create(rule=RuleFactory.create(name=f"Rule {number}"))

    with django_assert_max_num_queries(5):
        api("GET", "/api/alert-rules")
