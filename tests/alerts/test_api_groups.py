from __future__ import annotations

from typing import Any

import pytest

from alerts.models import Alert, AlertState, Rule, RuleGroup, RuleRevision
from observability.access.scopes import Scope
from tests.alerts.factories import AlertFactory, RuleFactory, RuleGroupFactory
from tests.alerts.test_api_rules import Api

pytestmark = pytest.mark.django_db

GROUPS = "/api/rule-groups"


@pytest.fixture
def api() -> Api:
    return Api(Scope.ALERTS_READ, Scope.ALERTS_WRITE)


def test_a_group_is_made_with_all_that_it_can_say(api: Api) -> None:
    body = {
        "name": "web",
        "owner": "web team",
        "interval": "30s",
        "limit": 100,
        "query_offset": "1m",
        "labels": {"team": "{{ $labels.job }}"},
        "enabled": False,
    }

    response = api("POST", GROUPS, body)

    assert response.status_code == 201, response.content
    made = response.json()
    assert {name: made[name] for name in body} == body
    assert (made["file"], made["rules"], made["rule_count"]) == ("", [], 0)
    assert RuleRevision.objects.get().by.startswith("key ")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "node"}, "name"),
        ({"name": "a", "interval": "1ms"}, "interval"),
        ({"name": "a", "interval": "2d"}, "interval"),
        ({"name": "a", "interval": "soon"}, "interval"),
        ({"name": "a", "limit": -1}, "limit"),
        ({"name": "a", "query_offset": 5}, "query_offset"),
        ({"name": "a", "labels": {"a b": "c"}}, "labels.a b"),
        ({"name": "a", "labels": {"alertname": "c"}}, "labels.alertname"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_at_its_field(api: Api, body: dict[str, Any], field: str) -> None:
    RuleGroupFactory.create(name="node")

    response = api("POST", GROUPS, body)

    assert response.status_code == 422
    assert [each["field"] for each in response.json()["error"]["details"]] == [field]
    assert RuleGroup.objects.count() == 1


def test_a_group_shows_its_rules_in_their_order(api: Api) -> None:
    group = RuleGroupFactory.create()
    RuleFactory.create(group=group, name="B", position=2)
    AlertFactory.create(rule=RuleFactory.create(group=group, name="A", position=1))

    found = api("GET", f"{GROUPS}/{group.pk}").json()

    assert [(rule["name"], rule["firing"]) for rule in found["rules"]] == [("A", 1), ("B", 0)]


def test_a_change_leaves_what_is_not_given_and_what_evaluation_knows(api: Api) -> None:
    group = RuleGroupFactory.create(owner="ops", missed_iterations=7)

    changed = api("PATCH", f"{GROUPS}/{group.pk}", {"interval": "1m"}).json()
    replaced = api("PUT", f"{GROUPS}/{group.pk}", {"name": "Nodes"}).json()

    assert (changed["name"], changed["interval"], changed["owner"]) == (group.name, "1m", "ops")
    assert (replaced["name"], replaced["interval"], replaced["owner"]) == ("Nodes", "15s", "")
    assert replaced["missed_iterations"] == 7


def test_a_group_is_deleted_with_its_rules(api: Api) -> None:
    alert = AlertFactory.create()

    response = api("DELETE", f"{GROUPS}/{alert.rule.group_id}")  # type: ignore[union-attr]

    assert response.status_code == 204
    assert not Rule.objects.exists()
    assert Alert.objects.get().state == AlertState.RESOLVED


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "", {"name": "a"}),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("PUT", "/order", {"rules": [1]}),
    ],
    ids=["put", "patch", "delete", "order"],
)
def test_a_provisioned_group_is_changed_in_its_file(
    api: Api, method: str, path: str, body: Any
) -> None:
    group = RuleGroupFactory.create(name="node", file="node.yml", is_provisioned=True)

    response = api(method, f"{GROUPS}/{group.pk}{path}", body)

    assert (response.status_code, response.json()["error"]["code"]) == (409, "provisioned")
    assert "node.yml" in response.json()["error"]["message"]


def test_rules_are_put_into_another_order(api: Api) -> None:
    group = RuleGroupFactory.create()
    rules = [RuleFactory.create(group=group, name=name, position=n) for n, name in enumerate("ABC")]
    wanted = [rules[2].pk, rules[0].pk, rules[1].pk]

    found = api("PUT", f"{GROUPS}/{group.pk}/order", {"rules": wanted}).json()

    assert [rule["name"] for rule in found["rules"]] == ["C", "A", "B"]
    assert RuleRevision.objects.count() == 3
    api("PUT", f"{GROUPS}/{group.pk}/order", {"rules": wanted})
    assert RuleRevision.objects.count() == 3


def test_an_order_names_each_rule_of_the_group_once(api: Api) -> None:
    group = RuleGroupFactory.create()
    first, second = (RuleFactory.create(group=group, name=name) for name in "AB")
    stranger = RuleFactory.create()

    def refusal(*rules: Rule) -> str:
        response = api("PUT", f"{GROUPS}/{group.pk}/order", {"rules": [rule.pk for rule in rules]})
        assert response.status_code == 422
        return str(response.json()["error"]["details"][0]["message"])

    assert refusal(first, first, second) == "a rule is named twice"
    assert refusal(first, second, stranger) == f"not in this group: {stranger.pk}"
    assert refusal(first) == f"name all rules of the group: {second.pk}"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["web", "node"]),
        ("search=NOD", ["node"]),
        ("search=ops", ["web"]),
        ("file=", ["web"]),
        ("is_provisioned=true", ["node"]),
        ("owner=ops&enabled=true", ["web"]),
        ("name=other", []),
    ],
)
def test_groups_are_listed_by(api: Api, query: str, names: list[str]) -> None:
    RuleGroupFactory.create(name="node", file="node.yml", is_provisioned=True)
    RuleGroupFactory.create(name="web", owner="ops")

    found = api("GET", f"{GROUPS}?{query}").json()["results"]

    assert [group["name"] for group in found] == names


def test_listing_groups_asks_the_database_no_more_for_more_of_them(
    api: Api, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        group = RuleGroupFactory.create()
        RuleFactory.create(name=f"Rule{number}", group=group)
        RuleFactory.create(name=f"Rule{number}b", group=group)

    with django_assert_max_num_queries(5):
        found = api("GET", GROUPS).json()["results"]

    assert {group["rule_count"] for group in found} == {2}


@pytest.mark.parametrize("path", ["/99", "/99/order", "/99/history", "/99/revert"])
def test_a_group_that_does_not_exist_is_not_found(api: Api, path: str) -> None:
    method = {"/99/order": "PUT", "/99/revert": "POST"}.get(path, "GET")

    assert api(method, GROUPS + path, {"rules": [1], "revision": 1}).status_code == 404
