from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertState, Rule, RuleGroup, RuleRevision
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from tests.access.cast import bearer, make_key
from tests.alerts.factories import AlertFactory, RuleFactory, RuleGroupFactory

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


def test_evaluation_on_demand_shows_recording_rules_too(api: Api) -> None:
    api("POST", "/api/alert-rules", {"record": "interim:one", "expr": "vector(1)"})
    api("POST", "/api/alert-rules", {"record": "interim:bad", "expr": "label_join(up, 'a b', '')"})

    found = api("POST", "/api/alert-rules/evaluate").json()["results"]

    assert [(one["name"], one["kind"]) for one in found] == [
        ("interim:one", "recording"),
        ("interim:bad", "recording"),
    ]
    assert (found[0]["health"], found[0]["firing"]) == ("ok", 0)
    assert not Alert.objects.exists()


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


def test_a_recording_rule_is_made_of_record_and_expr(api: Api) -> None:
    body = {"record": "job:load:avg", "expr": "avg by (job) (load)", "labels": {"team": "infra"}}

    response = api("POST", "/api/alert-rules", body)

    assert response.status_code == 201, response.content
    made = response.json()
    assert (made["kind"], made["record"], made["name"]) == ("recording",) + ("job:load:avg",) * 2
    assert (made["severity"], made["labels"]) == ("", {"team": "infra"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"record": "a b", "expr": "up"}, "record"),
        ({"record": "a", "name": "b", "expr": "up"}, "record"),
        ({"record": "a", "kind": "alerting", "expr": "up"}, "record"),
        ({"record": "a"}, "expr"),
        ({"record": "a", "metric": "up"}, "metric"),
        ({"record": "a", "expr": "up", "duration": "5m"}, "duration"),
        ({"record": "a", "expr": "up", "severity": "info"}, "severity"),
        ({"record": "a", "expr": "up", "annotations": {"a": "b"}}, "annotations"),
        ({"record": "a", "expr": "up", "on_no_data": "fire"}, "on_no_data"),
        ({"record": "a", "expr": "up", "resolve_expr": "up"}, "resolve_expr"),
        ({"record": "a", "expr": "up", "labels": {"__name__": "b"}}, "labels.__name__"),
        ({"name": "A", "expr": "up", "resolve_expr": "up["}, "resolve_expr"),
        ({**CPU, "resolve_expr": "up"}, "resolve_expr"),
        ({**CPU, "resolve_threshold": 95}, "resolve_threshold"),
        ({**CPU, "on_error": "panic"}, "on_error"),
        ({**CPU, "group_id": 99}, "group_id"),
        ({**CPU, "labels": {"team": "{{ $value"}}, "labels.team"),
        ({**CPU, "annotations": {"summary": "{{ nothing }}"}}, "annotations.summary"),
        ({**CPU, "expr": "cpu_usage > 91"}, "expr"),
    ],
    ids=json.dumps,
)
def test_what_cannot_be_is_refused_at_its_field(api: Api, body: dict[str, Any], field: str) -> None:
    response = api("POST", "/api/alert-rules", body)

    assert response.status_code == 422
    assert [each["field"] for each in response.json()["error"]["details"]] == [field]
    assert not Rule.objects.exists()


def test_a_resolve_threshold_compiles_to_a_resolve_condition(api: Api) -> None:
    made = api("POST", "/api/alert-rules", {**CPU, "resolve_threshold": 80}).json()
    cleared = api("PATCH", f"/api/alert-rules/{made['id']}", {"resolve_threshold": None}).json()

    assert (made["expr"], made["resolve_expr"]) == ("cpu_usage > 90", "cpu_usage <= 80")
    assert (cleared["expr"], cleared["resolve_expr"]) == ("cpu_usage > 90", "")


def test_a_resolve_condition_in_promql_stays_until_it_is_changed(api: Api) -> None:
    body = {"name": "Hot", "expr": "temp > 90", "resolve_expr": "temp < 80"}
    path = f"/api/alert-rules/{api('POST', '/api/alert-rules', body).json()['id']}"

    changed = api("PATCH", path, {"expr": "temp > 95"}).json()
    moved = api("PATCH", path, {"resolve_expr": "temp < 70"}).json()

    assert (changed["expr"], changed["resolve_expr"]) == ("temp > 95", "temp < 80")
    assert (moved["expr"], moved["resolve_expr"]) == ("temp > 95", "temp < 70")


def test_labels_may_be_templates_and_say_the_severity_where_the_rule_does_not(api: Api) -> None:
    labels = {"severity": "{{ if gt $value 95.0 }}critical{{ else }}warning{{ end }}"}

    response = api("POST", "/api/alert-rules", {**CPU, "severity": "", "labels": labels})

    assert response.status_code == 201, response.content
    assert response.json()["labels"] == labels


@pytest.mark.parametrize(
    "body",
    [
        {**CPU, "resolve_threshold": 80, "function": "max_over_time", "window": "10m"},
        {"name": "Down", "expr": "up == 0", "resolve_expr": "up == 1", "on_no_data": "fire"},
        {"record": "job:load:avg", "expr": "avg by (job) (load)"},
    ],
    ids=["simple form", "PromQL", "recording"],
)
def test_a_rule_can_be_put_back_as_it_was_got(api: Api, body: dict[str, Any]) -> None:
    path = f"/api/alert-rules/{api('POST', '/api/alert-rules', body).json()['id']}"
    got = api("GET", path).json()

    response = api("PUT", path, got)

    assert response.status_code == 200, response.content
    assert {**response.json(), "updated_at": ""} == {**got, "updated_at": ""}
    assert RuleRevision.objects.filter(subject="rule").count() == 1


def test_a_rule_stays_what_it_was_made(api: Api) -> None:
    rule = RuleFactory.create()

    response = api("PATCH", f"/api/alert-rules/{rule.pk}", {"record": "a"})

    assert response.status_code == 422
    assert "stays alerting" in response.content.decode()


def test_a_group_is_named_by_its_id_where_files_share_a_name(api: Api) -> None:
    RuleGroupFactory.create(name="node", file="a.yml")
    other = RuleGroupFactory.create(name="node", file="b.yml")

    by_id = api("POST", "/api/alert-rules", {**CPU, "group_id": other.pk}).json()
    by_name = api("POST", "/api/alert-rules", {**CPU, "group": "node"}).json()

    assert (by_id["group_id"], by_id["file"]) == (other.pk, "b.yml")
    assert by_name["file"] == ""


@pytest.mark.parametrize(
    ("method", "body"),
    [("PUT", CPU), ("PATCH", {"enabled": False}), ("DELETE", None)],
    ids=["put", "patch", "delete"],
)
def test_a_rule_of_a_provisioned_group_is_changed_in_its_file(
    api: Api, method: str, body: Any
) -> None:
    group = RuleGroupFactory.create(name="node", file="node.yml", is_provisioned=True)
    rule = RuleFactory.create(group=group)

    response = api(method, f"/api/alert-rules/{rule.pk}", body)

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (409, "provisioned")
    assert "node.yml in the watched folder" in error["message"]
    assert Rule.objects.get().enabled


def test_no_rule_is_made_in_or_moved_to_a_provisioned_group(api: Api) -> None:
    group = RuleGroupFactory.create(file="node.yml", is_provisioned=True)
    rule = RuleFactory.create()

    made = api("POST", "/api/alert-rules", {**CPU, "group_id": group.pk})
    moved = api("PATCH", f"/api/alert-rules/{rule.pk}", {"group_id": group.pk})

    assert (made.status_code, moved.status_code) == (409, 409)


@pytest.fixture
def choosable() -> None:
    node = RuleGroupFactory.create(name="node", file="node.yml")
    firing = RuleFactory.create(name="Firing", group=node, severity="critical")
    AlertFactory.create(rule=firing)
    pending = RuleFactory.create(name="Pending", expr="queue > 5", health="err")
    AlertFactory.create(rule=pending, state=AlertState.PENDING)
    RuleFactory.create(name="Off", enabled=False, severity="")
    RuleFactory.create(name="job:x", kind="recording", severity="", group=node)


@pytest.mark.usefixtures("choosable")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["job:x", "Off", "Pending", "Firing"]),
        ("group=node", ["job:x", "Firing"]),
        ("file=node.yml&kind=alerting", ["Firing"]),
        ("file=", ["Off", "Pending"]),
        ("state=firing", ["Firing"]),
        ("state=pending", ["Pending"]),
        ("state=inactive", ["job:x", "Off"]),
        ("severity=critical", ["Firing"]),
        ("severity=", ["job:x", "Off"]),
        ("health=err", ["Pending"]),
        ("kind=recording", ["job:x"]),
        ("enabled=false", ["Off"]),
        ("search=QUEUE", ["Pending"]),
        ("search=fir&enabled=true", ["Firing"]),
    ],
)
def test_rules_are_listed_by(api: Api, query: str, names: list[str]) -> None:
    found = api("GET", f"/api/alert-rules?{query}").json()["results"]

    assert [rule["name"] for rule in found] == names


@pytest.mark.parametrize("query", ["state=red", "kind=x", "group_id=x", "enabled=perhaps"])
def test_filters_that_cannot_be_are_refused(api: Api, query: str) -> None:
    assert api("GET", f"/api/alert-rules?{query}").status_code == 422


def test_changes_are_remembered_with_the_key_that_made_them(api: Api) -> None:
    path = (
        f"/api/alert-rules/{api('POST', '/api/alert-rules', {**CPU, 'group': 'New'}).json()['id']}"
    )
    api("PATCH", path, {"threshold": 95})
    api("DELETE", path)

    revisions = RuleRevision.objects.order_by("pk").values_list("subject", "action", "by")

    assert [revision[:2] for revision in revisions] == [
        ("group", "created"),
        ("rule", "created"),
        ("rule", "changed"),
        ("rule", "deleted"),
    ]
    assert all(by.startswith("key ") for _, _, by in revisions)


@pytest.mark.parametrize(
    ("path", "body", "field", "message"),
    [
        (
            "/api/alert-rules",
            {**CPU, "for": "5m"},
            "for",
            "there is no such field; did you mean duration?",
        ),
        ("/api/alert-rules", {**CPU, "keep_fireing_for": "5m"}, "keep_fireing_for", ""),
        ("/api/rule-groups", {"name": "web", "intervall": "30s"}, "intervall", ""),
        ("/api/alerts", {"name": "Disk", "sevrity": "info"}, "sevrity", ""),
    ],
    ids=["a-name-of-rule-files", "rule", "group", "alert"],
)
def test_a_field_that_is_unknown_is_not_lost_unnoticed(
    api: Api, path: str, body: dict[str, object], field: str, message: str
) -> None:
    response = api("POST", path, body)

    assert response.status_code == 422, response.content
    assert response.json()["error"]["details"] == [
        {"field": field, "message": message or "there is no such field"}
    ]
