from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from alerts.models import Alert, AlertSource, AlertState
from observability.access.scopes import Scope
from tests.access.cast import bearer, make_key
from tests.alerts.factories import AlertFactory, RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

REPORT = {
    "name": "Pump is leaking",
    "severity": "critical",
    "message": "Water on the floor of hall 2",
    "labels": {"hall": "2"},
}


@pytest.fixture
def client() -> Client:
    return Client(headers=bearer(make_key(Scope.ALERTS_READ, Scope.ALERTS_WRITE)))


def post(client: Client, body: object) -> Any:
    return client.post("/api/alerts", body, content_type="application/json")


def test_a_reported_alert_fires_until_it_is_resolved(client: Client) -> None:
    made = post(client, REPORT)
    alert_id = made.json()["id"]

    resolved = client.put(f"/api/alerts/{alert_id}/resolve")

    assert made.status_code == 201
    assert made.json()["state"] == "firing"
    assert made.json()["message"] == REPORT["message"]
    assert made.json()["labels"] == {
        "alertname": "Pump is leaking",
        "severity": "critical",
        "hall": "2",
    }
    assert resolved.json()["state"] == "resolved"
    assert resolved.json()["resolved_at"]


def test_the_same_report_is_the_same_alert(client: Client) -> None:
    first = post(client, REPORT)

    second = post(client, {**REPORT, "message": "More water"})

    assert second.status_code == 200
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["message"] == "More water"


def test_a_report_after_the_end_is_a_new_alert(client: Client) -> None:
    first = post(client, REPORT).json()
    client.put(f"/api/alerts/{first['id']}/resolve/")

    second = post(client, REPORT)

    assert second.status_code == 201
    assert second.json()["id"] != first["id"]


def test_resolving_again_changes_nothing(client: Client) -> None:
    alert_id = post(client, REPORT).json()["id"]
    first = client.put(f"/api/alerts/{alert_id}/resolve").json()

    second = client.put(f"/api/alerts/{alert_id}/resolve")

    assert second.status_code == 200
    assert second.json() == first


def test_an_alert_of_a_rule_is_not_resolved_by_hand(client: Client) -> None:
    alert = AlertFactory.create()

    response = client.put(f"/api/alerts/{alert.pk}/resolve")

    assert response.status_code == 409
    assert "rule" in response.json()["error"]["message"]
    alert.refresh_from_db()
    assert alert.state == AlertState.FIRING


def test_an_alert_that_does_not_exist_is_not_found(client: Client) -> None:
    assert client.put("/api/alerts/999999999999999999/resolve").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({**REPORT, "severity": "page"}, "severity"),
        ({**REPORT, "labels": {"severity": "x"}}, "labels.severity"),
        ({**REPORT, "labels": {"a": {}}}, "labels.a"),
        ({**REPORT, "labels": {"a": 5}}, "labels.a"),
        ({**REPORT, "labels": {"a": "x" * 2_049}}, "labels.a"),
        ({**REPORT, "labels": {"a" * 257: "x"}}, f"labels.{'a' * 257}"),
        ({**REPORT, "labels": {f"l{n}": "x" for n in range(41)}}, "labels"),
        ({**REPORT, "message": {}}, "message"),
        ({**REPORT, "message": 5}, "message"),
        ({**REPORT, "name": 1.5}, "name"),
        ({**REPORT, "name": True}, "name"),
        ({**REPORT, "name": None}, "name"),
        ({**REPORT, "name": "x" * 201}, "name"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_wrong_field_is_named(client: Client, body: dict[str, Any], field: str) -> None:
    response = post(client, body)

    assert response.status_code == 422
    assert [detail["field"] for detail in response.json()["error"]["details"]] == [field]
    assert not Alert.objects.exists()


def test_a_number_beyond_all_numbers_is_no_name(client: Client) -> None:
    response = post(client, '{"name": 1e999}')

    assert response.status_code == 422
    assert not Alert.objects.exists()


def test_as_many_labels_as_a_series_may_have_are_taken(client: Client) -> None:
    labels = {f"l{n}": "ü" * 1_024 for n in range(40)}

    assert post(client, {**REPORT, "labels": labels}).status_code == 201


def test_malformed_json_is_refused(client: Client) -> None:
    assert post(client, "{").status_code == 400


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Reported", "HighLoad"]),
        ("?state=firing", ["HighLoad"]),
        ("?state=resolved", ["Reported"]),
        ("?severity=critical", []),
    ],
)
def test_alerts_are_listed_by_state_and_severity(
    client: Client, query: str, names: list[str]
) -> None:
    AlertFactory.create()
    AlertFactory.create(
        rule=None,
        source=AlertSource.MANUAL,
        state=AlertState.RESOLVED,
        labels={"alertname": "Reported", "severity": "info"},
    )

    response = client.get(f"/api/alerts{query}")

    assert [alert["name"] for alert in response.json()["results"]] == names


@pytest.mark.parametrize("query", ["?state=open", "?rule=x", "?severity=page"])
def test_an_unknown_filter_is_refused(client: Client, query: str) -> None:
    assert client.get(f"/api/alerts{query}").status_code == 422


@pytest.mark.parametrize(
    ("value", "shown"), [(float("nan"), "NaN"), (float("inf"), "+Inf"), (1.5, 1.5), (None, None)]
)
def test_a_value_is_shown_as_json_can_carry_it(client: Client, value: Any, shown: Any) -> None:
    AlertFactory.create(value=value)

    assert client.get("/api/alerts").json()["results"][0]["value"] == shown


def test_reading_needs_no_right_to_write() -> None:
    reader = Client(headers=bearer(make_key(Scope.ALERTS_READ)))

    assert reader.get("/api/alerts").status_code == 200
    assert post(reader, REPORT).status_code == 403
    assert reader.put("/api/alerts/1/resolve").status_code == 403


def test_an_alert_is_acknowledged_and_taken_back(client: Client) -> None:
    alert = AlertFactory.create()
    url = f"/api/alerts/{alert.pk}/acknowledge"

    made = client.post(
        url,
        {"owner": "ann", "note": "On my way", "expires_in": "4h"},
        content_type="application/json",
    )
    listed = client.get("/api/alerts?acknowledged=true").json()["results"]
    taken_back = client.delete(url)

    assert made.status_code == 200
    acknowledgement = made.json()["acknowledgement"]
    assert (acknowledgement["owner"], acknowledgement["note"]) == ("ann", "On my way")
    assert acknowledgement["expires_at"] > acknowledgement["at"]
    assert [one["id"] for one in listed] == [alert.pk]
    assert taken_back.json()["acknowledgement"] is None
    assert client.get("/api/alerts?acknowledged=true").json()["results"] == []


def test_whoever_acknowledges_owns_it_unless_they_say_otherwise(client: Client) -> None:
    alert = AlertFactory.create()

    made = client.post(
        f"/api/alerts/{alert.pk}/acknowledge", {}, content_type="application/json"
    ).json()

    assert made["acknowledgement"]["owner"] == "key test"
    assert made["acknowledgement"]["expires_at"] is None


def test_a_resolved_alert_is_not_acknowledged(client: Client) -> None:
    alert = AlertFactory.create(state=AlertState.RESOLVED)

    response = client.post(
        f"/api/alerts/{alert.pk}/acknowledge", {}, content_type="application/json"
    )

    assert response.status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expires_in": "soon"}, "expires_in"),
        ({"expires_in": "0s"}, "expires_in"),
        ({"expires_in": "91d"}, "expires_in"),
        ({"expires_in": 5}, "expires_in"),
        ({"owner": ""}, "owner"),
        ({"owner": "x" * 201}, "owner"),
        ({"note": "x" * 2_001}, "note"),
    ],
    ids=str,
)
def test_a_wrong_acknowledgement_is_refused(
    client: Client, body: dict[str, Any], field: str
) -> None:
    alert = AlertFactory.create()

    response = client.post(
        f"/api/alerts/{alert.pk}/acknowledge", body, content_type="application/json"
    )

    assert response.status_code == 422
    assert [detail["field"] for detail in response.json()["error"]["details"]] == [field]


def test_comments_are_listed_newest_first(client: Client) -> None:
    alert = AlertFactory.create(state=AlertState.RESOLVED)
    url = f"/api/alerts/{alert.pk}/comments"

    first = client.post(url, {"text": "It was the switch"}, content_type="application/json")
    client.post(url, {"text": "Replaced"}, content_type="application/json")

    assert first.status_code == 201
    assert first.json()["by"] == "key test"
    texts = [one["text"] for one in client.get(url).json()["results"]]
    assert texts == ["Replaced", "It was the switch"]
    assert client.post(url, {"text": " "}, content_type="application/json").status_code == 422


def test_one_alert_comes_with_its_events_and_earlier_episodes(client: Client) -> None:
    alert = AlertFactory.create()
    earlier = AlertFactory.create(
        labels=alert.labels,
        state=AlertState.RESOLVED,
        active_at=alert.active_at - timedelta(days=1),
    )
    client.post(f"/api/alerts/{alert.pk}/acknowledge", {}, content_type="application/json")

    found = client.get(f"/api/alerts/{alert.pk}").json()

    assert [event["kind"] for event in found["events"]] == ["acknowledged"]
    assert [episode["id"] for episode in found["earlier"]] == [earlier.pk]
    both = client.get(f"/api/alerts?fingerprint={alert.fingerprint}").json()["results"]
    assert [one["id"] for one in both] == [alert.pk, earlier.pk]


@pytest.mark.parametrize("path", ["", "/comments"])
def test_what_is_not_there_has_no_details(client: Client, path: str) -> None:
    assert client.get(f"/api/alerts/999999999999999999{path}").status_code == 404


@pytest.mark.parametrize(("path", "body"), [("acknowledge", {}), ("comments", {"text": "x"})])
def test_nothing_is_said_about_what_is_not_there(
    client: Client, path: str, body: dict[str, str]
) -> None:
    response = client.post(
        f"/api/alerts/999999999999999999/{path}", body, content_type="application/json"
    )

    assert response.status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('?filter=instance%3D~"web.*"', ["web-1"]),
        ("?filter=instance!%3Dweb-1&filter=alertname%3DHighLoad", ["db-1"]),
        ("?group=Databases", ["db-1"]),
        ("?acknowledged=false", ["web-1", "db-1"]),
    ],
    ids=str,
)
def test_alerts_are_listed_by_matchers_and_groups(
    client: Client, query: str, found: list[str]
) -> None:
    for instance, group in (("db-1", "Databases"), ("web-1", "Web")):
        AlertFactory.create(
            labels={"alertname": "HighLoad", "instance": instance},
            rule=RuleFactory.create(group=RuleGroupFactory.create(name=group)),
        )

    results = client.get(f"/api/alerts{query}").json()["results"]

    assert [alert["labels"]["instance"] for alert in results] == found


def test_what_is_no_matcher_is_refused(client: Client) -> None:
    response = client.get("/api/alerts", {"filter": 'instance=~"("'})

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"].startswith("filter")
