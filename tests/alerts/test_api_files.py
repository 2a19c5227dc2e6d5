from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from alerts.models import Rule, RuleGroup, RuleRevision
from observability.access.scopes import Scope
from tests.access.cast import bearer, make_key
from tests.alerts.factories import RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

IMPORT = "/api/alert-rules/import"
EXPORT = "/api/alert-rules/export"
RULES = "groups:\n- name: node\n  interval: 15s\n  rules:\n  - alert: Down\n    expr: up == 0\n"


@pytest.fixture
def client() -> Client:
    return Client(headers=bearer(make_key(Scope.ALERTS_READ, Scope.ALERTS_WRITE)))


def post(client: Client, text: str, query: str = "") -> Any:
    return client.post(IMPORT + query, text, content_type="application/yaml")


def test_a_body_in_yaml_becomes_groups_of_the_portal(client: Client) -> None:
    response = post(client, RULES)

    assert response.status_code == 200, response.content
    assert response.json() == {
        "file": "",
        "dry_run": False,
        "changed": True,
        "groups": [
            {
                "name": "node",
                "step": "added",
                "diff": [],
                "rules": [
                    {"name": "Down", "step": "added", "diff": ["+alert: Down", "+expr: up == 0"]}
                ],
            }
        ],
    }
    assert RuleGroup.objects.get().file == ""
    assert RuleRevision.objects.filter(by__startswith="key ", via="import").count() == 2


def test_groups_can_be_kept_under_the_name_of_a_file(client: Client) -> None:
    post(client, RULES, "?file=node.yml")

    assert RuleGroup.objects.get().file == "node.yml"


def test_a_dry_run_tells_and_changes_nothing(client: Client) -> None:
    response = post(client, RULES, "?dry_run=1")

    assert (response.json()["dry_run"], response.json()["changed"]) == (True, True)
    assert not RuleGroup.objects.exists()


def test_importing_the_same_again_changes_nothing(client: Client) -> None:
    post(client, RULES)

    response = post(client, RULES)

    assert response.json()["changed"] is False
    assert response.json()["groups"][0]["rules"] == []


def test_groups_that_are_not_in_the_body_go_with_prune(client: Client) -> None:
    RuleGroupFactory.create(name="other", file="node.yml")

    response = post(client, RULES, "?file=node.yml&prune=true")

    steps = [(group["name"], group["step"]) for group in response.json()["groups"]]
    assert steps == [("node", "added"), ("other", "removed")]
    assert RuleGroup.objects.get().name == "node"


def test_each_thing_wrong_is_told_with_its_place(client: Client) -> None:
    response = post(client, RULES.replace("up == 0", "up ==").replace("alert: Down", "foo: Down"))

    assert response.status_code == 422
    assert response.json()["error"]["details"] == [
        {"message": "yaml: unmarshal errors:\n  line 5: field foo not found in type rulefmt.Rule"}
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"\xff", 400, id="no UTF-8"),
        pytest.param(b"groups: [", 422, id="no YAML"),
        pytest.param(b"", 200, id="nothing"),
    ],
)
def test_other_bodies_are_answered(client: Client, body: bytes, status: int) -> None:
    response = client.post(IMPORT, body, content_type="text/plain")

    assert response.status_code == status, response.content


def test_a_file_of_the_watched_folder_is_left_to_it(client: Client) -> None:
    RuleGroupFactory.create(name="node", file="node.yml", is_provisioned=True)

    response = post(client, RULES, "?file=node.yml")

    assert response.status_code == 409
    assert response.json()["error"]["code"] == "provisioned"


def test_an_export_is_the_file_that_was_imported(client: Client) -> None:
    post(client, RULES)

    response = client.get(EXPORT)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/yaml; charset=utf-8"
    assert response.content.decode() == RULES


def test_what_a_target_does_not_know_is_told_in_comments(client: Client) -> None:
    RuleFactory.create(group__name="g", resolve_expr="load < 1", severity="", on_no_data="resolve")

    text = client.get(EXPORT, {"target": "2.42"}).content.decode()

    assert text.startswith(
        "# resolve_expr left out, which is the portal's own: g/HighLoad\ngroups:\n"
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param({"group": "a"}, ["a"], id="by name"),
        pytest.param({"file": "f.yml"}, ["b"], id="by file"),
        pytest.param({"file": ""}, ["a"], id="made in the portal"),
    ],
)
def test_groups_to_export_can_be_chosen(
    client: Client, query: dict[str, str], names: list[str]
) -> None:
    RuleGroupFactory.create(name="a")
    RuleGroupFactory.create(name="b", file="f.yml")

    text = client.get(EXPORT, query).content.decode()

    assert [line[8:] for line in text.splitlines() if line.startswith("- name: ")] == names


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param({"group": "none"}, 404, id="no such group"),
        pytest.param({"target": "latest"}, 422, id="no version"),
        pytest.param({}, 409, id="two of a name"),
    ],
)
def test_exports_that_cannot_be(client: Client, query: dict[str, str], status: int) -> None:
    RuleGroupFactory.create(name="a")
    RuleGroupFactory.create(name="a", file="f.yml")

    response = client.get(EXPORT, query)

    assert response.status_code == status
    assert response.json()["error"]["message"]


def test_reading_keys_import_nothing() -> None:
    client = Client(headers=bearer(make_key(Scope.ALERTS_READ)))

    assert post(client, RULES).status_code == 403
    assert not Rule.objects.exists()
