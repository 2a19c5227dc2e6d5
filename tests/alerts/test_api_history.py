from __future__ import annotations

from typing import Any

import pytest

from alerts.models import Alert, AlertState, Rule, RuleGroup, RuleRevision
from observability.access.scopes import Scope
from tests.alerts.factories import AlertFactory
from tests.alerts.test_api_rules import CPU, Api

pytestmark = pytest.mark.django_db

RULES = "/api/alert-rules"
GROUPS = "/api/rule-groups"


@pytest.fixture
def api() -> Api:
    return Api(Scope.ALERTS_READ, Scope.ALERTS_WRITE)


def made(api: Api, **changes: Any) -> str:
    """Make a rule and return its address."""
    return f"{RULES}/{api('POST', RULES, {**CPU, **changes}).json()['id']}"


def history(api: Api, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api("GET", f"{path}/history").json()["results"]
    return found


def test_a_history_says_who_changed_what_newest_first(api: Api) -> None:
    path = made(api, labels={"team": "infra"})
    api("PATCH", path, {"threshold": 95, "labels": {"zone": "a"}})

    changed, created = history(api, path)

    assert (changed["action"], created["action"]) == ("changed", "created")
    assert changed["by"].startswith("key ")
    assert {each["field"]: (each["before"], each["after"]) for each in changed["changes"]} == {
        "expr": ("cpu_usage > 90", "cpu_usage > 95"),
        "form.threshold": (90.0, 95.0),
        "labels.team": ("infra", None),
        "labels.zone": (None, "a"),
    }
    assert {each["field"]: each["after"] for each in created["changes"]}["name"] == CPU["name"]
    assert created["definition"]["expr"] == "cpu_usage > 90"


def test_a_rule_goes_back_to_a_revision(api: Api) -> None:
    path = made(api)
    api("PATCH", path, {"threshold": 95, "duration": "5m"})
    first = history(api, path)[-1]["id"]

    response = api("POST", f"{path}/revert", {"revision": first})

    assert response.status_code == 200, response.content
    found = response.json()
    assert (found["expr"], found["threshold"], found["duration"]) == ("cpu_usage > 90", 90.0, "0s")
    assert history(api, path)[0]["via"] == f"revert to revision {first}"


def test_a_deleted_rule_is_restored_with_its_id_and_goes_on(api: Api) -> None:
    path = made(api, group="Web")
    api("DELETE", path)
    deletion = history(api, path)[0]

    restored = api("POST", f"{path}/revert", {"revision": deletion["id"]})

    assert deletion["action"] == "deleted"
    assert deletion["changes"] == []
    assert restored.status_code == 200, restored.content
    assert (restored.json()["name"], restored.json()["group"]) == (CPU["name"], "Web")
    assert api("GET", path).status_code == 200
    assert [each["action"] for each in history(api, path)] == ["created", "deleted", "created"]


def test_a_deleted_group_is_restored_with_the_rules_that_went_with_it(api: Api) -> None:
    group_id = api("POST", GROUPS, {"name": "web", "interval": "1m"}).json()["id"]
    stays_away, comes_back = (made(api, group="web", name=name) for name in "AB")
    api("DELETE", stays_away)
    api("DELETE", f"{GROUPS}/{group_id}")
    deletion = next(
        each for each in history(api, f"{GROUPS}/{group_id}") if each["subject"] == "group"
    )

    restored = api("POST", f"{GROUPS}/{group_id}/revert", {"revision": deletion["id"]}).json()

    assert (restored["id"], restored["interval"]) == (group_id, "1m")
    assert [f"{RULES}/{rule['id']}" for rule in restored["rules"]] == [comes_back]


def test_a_rule_whose_group_is_gone_comes_back_with_it(api: Api) -> None:
    group_id = api("POST", GROUPS, {"name": "web", "interval": "1m"}).json()["id"]
    path = made(api, group="web")
    made(api, group="web", name="Other")
    api("DELETE", f"{GROUPS}/{group_id}")

    api("POST", f"{path}/revert", {"revision": history(api, path)[0]["id"]})

    group = RuleGroup.objects.get(name="web")
    assert (group.pk, group.interval_ms) == (group_id, 60_000)
    assert Rule.objects.get().group == group


def test_a_rule_goes_back_to_the_group_it_was_in(api: Api) -> None:
    path = made(api, group="web")
    api("PATCH", path, {"group": "node"})
    api("PATCH", f"{GROUPS}/{RuleGroup.objects.get(name='web').pk}", {"name": "sites"})

    found = api("POST", f"{path}/revert", {"revision": history(api, path)[-1]["id"]}).json()

    assert found["group"] == "sites"


def test_a_revert_that_changes_nothing_says_so(api: Api) -> None:
    path = made(api)

    response = api("POST", f"{path}/revert", {"revision": history(api, path)[0]["id"]})

    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")
    assert "already" in response.json()["error"]["message"]


def test_what_a_file_provides_is_not_reverted(api: Api) -> None:
    path = made(api)
    api("PATCH", path, {"threshold": 95})
    RuleGroup.objects.update(is_provisioned=True, file="node.yml")

    response = api("POST", f"{path}/revert", {"revision": history(api, path)[-1]["id"]})

    assert (response.status_code, response.json()["error"]["code"]) == (409, "provisioned")
    assert Rule.objects.get().expr == "cpu_usage > 95"


def test_a_group_whose_name_is_taken_by_now_is_not_reverted(api: Api) -> None:
    group_id = api("POST", GROUPS, {"name": "web"}).json()["id"]
    api("PATCH", f"{GROUPS}/{group_id}", {"name": "sites"})
    api("POST", GROUPS, {"name": "web"})
    first = history(api, f"{GROUPS}/{group_id}")[-1]["id"]

    response = api("POST", f"{GROUPS}/{group_id}/revert", {"revision": first})

    assert response.status_code == 409
    assert "rename that one first" in response.json()["error"]["message"]


def test_a_revision_of_another_rule_is_refused(api: Api) -> None:
    path, other = made(api), made(api, name="Other")

    response = api("POST", f"{path}/revert", {"revision": history(api, other)[0]["id"]})

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == "revision"


def test_a_rule_that_never_was_has_no_history(api: Api) -> None:
    assert api("GET", f"{RULES}/99/history").status_code == 404
    assert api("POST", f"{RULES}/99/revert", {"revision": 1}).status_code == 404


def test_reverting_to_disabled_resolves_alerts(api: Api) -> None:
    path = made(api, enabled=False)
    api("PATCH", path, {"enabled": True})
    AlertFactory.create(rule=Rule.objects.get())

    api("POST", f"{path}/revert", {"revision": history(api, path)[-1]["id"]})

    assert Alert.objects.get().state == AlertState.RESOLVED


def test_a_history_comes_in_pages_of_few_statements(
    api: Api, django_assert_max_num_queries: Any
) -> None:
    path = made(api)
    for threshold in range(20):
        api("PATCH", path, {"threshold": threshold})

    with django_assert_max_num_queries(5):
        page = api("GET", f"{path}/history?page_size=15").json()
    rest = api("GET", page["next"].partition("testserver")[2]).json()

    assert (len(page["results"]), len(rest["results"])) == (15, 6)
    assert page["results"][-1]["changes"][0]["before"] == "cpu_usage > 4"
    assert RuleRevision.objects.count() == 22
