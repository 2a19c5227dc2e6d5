from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts.models import Alert, AlertEvent, AlertEventKind, AlertSource, AlertState
from observability.access.roles import OPERATOR, VIEWER
from tests.access.cast import signed_in
from tests.alerts.factories import (
    AlertFactory,
    NotificationFactory,
    RuleFactory,
    RuleGroupFactory,
)

pytestmark = pytest.mark.django_db

LIST = "/admin/alerts/alert/"
ACT = "/admin/alerts/alert/act/"


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


def page_of(alert: Alert) -> str:
    return f"{LIST}{alert.pk}/change/"


def listed(client: Client, **parameters: Any) -> list[str]:
    """Return the instances of the alerts on the list, in its order."""
    response = client.get(f"{LIST}?{urlencode({**parameters, 'part': 'list'}, doseq=True)}")
    assert response.status_code == 200
    return [alert.labels.get("instance", "") for alert in response.context["rows"]]


def make(instance: str, **fields: Any) -> Alert:
    labels = {"alertname": "Slow", "instance": instance, **fields.pop("labels", {})}
    alert: Alert = AlertFactory.create(labels=labels, **fields)
    return alert


def test_the_list_holds_what_is_active_firing_first(operator: Client) -> None:
    make("pending", state=AlertState.PENDING)
    make("firing")
    make("resolved", state=AlertState.RESOLVED)

    assert listed(operator) == ["firing", "pending"]
    assert listed(operator, state="resolved") == ["resolved"]
    assert listed(operator, state="all") == ["firing", "pending", "resolved"]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"filter": 'instance=~"web.*"'}, ["web-1"]),
        ({"filter": 'team="b"'}, ["db-1"]),
        ({"severity": "critical"}, ["db-1"]),
        ({"severity": ["critical", "warning"]}, ["db-1", "web-1"]),
        ({"group": "Databases"}, ["db-1"]),
        ({"acknowledged": "yes"}, ["web-1"]),
        ({"acknowledged": "no"}, ["db-1"]),
        ({"owner": "ann"}, ["web-1"]),
        ({"owner": "dba"}, ["db-1"]),
        ({"q": "replication"}, ["db-1"]),
        ({"q": "web"}, ["web-1"]),
        ({"filter": 'instance="nobody"'}, []),
        ({"state": "nonsense", "page": "0", "order": "?", "open": "x"}, ["db-1", "web-1"]),
        ({"order": "severity"}, ["db-1", "web-1"]),
        ({"order": "oldest"}, ["web-1", "db-1"]),
    ],
    ids=lambda value: urlencode(value, doseq=True) if isinstance(value, dict) else "",
)
def test_the_list_is_narrowed(
    operator: Client, parameters: dict[str, Any], found: list[str]
) -> None:
    now = timezone.now()
    make("web-1", active_at=now - timedelta(hours=1), acknowledged_at=now, ack_owner="ann")
    make(
        "db-1",
        labels={"team": "b", "severity": "critical"},
        active_at=now,
        annotations={"summary": "Replication is late"},
        rule=RuleFactory.create(group=RuleGroupFactory.create(name="Databases", owner="the dba")),
    )

    assert listed(operator, **parameters) == found


def test_what_is_no_matcher_is_told(operator: Client) -> None:
    make("web-1")

    response = operator.get(LIST, {"filter": 'instance=~"("'})

    assert response.status_code == 200
    assert "missing closing )" in response.content.decode()
    assert response.context["rows"] == []


def test_alerts_are_grouped_and_groups_open(operator: Client) -> None:
    for number in range(3):
        make(f"web-{number}", labels={"team": "web"})
    make("db-1", labels={"team": "db"}, state=AlertState.PENDING)
    make("lonely")

    response = operator.get(LIST, {"by": "team", "open": "web"})

    groups = [entry["group"] for entry in response.context["groups"]]
    assert [(g.key, g.firing, g.pending) for g in groups] == [
        ("web", 3, 0),
        ("", 1, 0),
        ("db", 0, 1),
    ]
    rows = [len(entry["rows"]) for entry in response.context["groups"]]
    assert rows == [3, 0, 0]


def test_alerts_are_grouped_by_rule_group(operator: Client) -> None:
    disks = RuleFactory.create(group=RuleGroupFactory.create(name="Disks"))
    make("a", rule=disks)
    make("b", rule=disks)
    make("c", rule=None, source=AlertSource.MANUAL)
    key = str(disks.group_id)

    response = operator.get(LIST, {"by": "rule:group", "open": key})

    groups = [(e["group"].title, len(e["rows"])) for e in response.context["groups"]]
    assert groups == [("Disks", 2), ("", 0)]


def test_an_alert_that_comes_and_goes_is_marked(operator: Client) -> None:
    now = timezone.now()
    rule = RuleFactory.create()
    for minutes in (40, 30, 20):
        make(
            "web-1",
            rule=rule,
            state=AlertState.RESOLVED,
            active_at=now - timedelta(minutes=minutes),
        )
    make("web-1", rule=rule, active_at=now)
    make("steady", active_at=now - timedelta(minutes=1))

    response = operator.get(LIST)

    assert [alert.flaps for alert in response.context["rows"]] == [4, 0]
    assert "4 episodes within the last hour" in response.content.decode()


def test_badges_say_who_is_on_it_and_what_the_rule_cannot_tell(operator: Client) -> None:
    now = timezone.now()
    make("a", acknowledged_at=now, ack_owner="ann", ack_expires_at=now + timedelta(hours=1))
    make("b", no_data_since=now)
    make("c", keep_firing_since=now)

    text = operator.get(LIST).content.decode()

    assert "until <time" in text
    assert "no data since" in text
    assert "kept firing since" in text


@pytest.mark.parametrize(
    "parameters", [{}, {"by": "alertname", "open": "Slow"}], ids=["flat", "grouped"]
)
def test_queries_do_not_grow_with_the_alerts(operator: Client, parameters: dict[str, str]) -> None:
    rule = RuleFactory.create()
    make("first", rule=rule)
    operator.get(LIST, parameters)
    with CaptureQueriesContext(
        connection,
    ) as few:
        operator.get(LIST, parameters)
    for number in range(120):
        make(f"web-{number}", rule=RuleFactory.create() if number % 10 == 0 else rule)

    with CaptureQueriesContext(connection) as many:
        response = operator.get(LIST, {**parameters, "filter": 'instance=~"web-.*"'})

    assert len(response.context["shown"]) == 50
    assert len(few) <= len(many) < 15


def test_a_label_leads_to_the_alerts_that_have_it_too(operator: Client) -> None:
    make("a", labels={"team": 'x "y" & z'})
    make("b", labels={"team": "other"})

    page = operator.get(LIST, {"filter": 'instance!="c"'}).content.decode()
    chip = re.search(r'href="([^"]*)"\s+data-label="team"\s+data-value="x ', page)

    assert chip
    response = operator.get(LIST + html.unescape(chip[1]))
    assert [alert.labels["instance"] for alert in response.context["rows"]] == ["a"]


def test_an_empty_list_says_what_to_do(operator: Client) -> None:
    assert "Nothing is firing" in operator.get(LIST).content.decode()
    assert "Nothing matches" in operator.get(LIST, {"q": "x"}).content.decode()
    assert "No alert yet" in operator.get(LIST, {"state": "resolved"}).content.decode()


def test_pages_follow_one_another(operator: Client) -> None:
    rule = RuleFactory.create()
    for number in range(51):
        make(f"web-{number}", rule=rule)

    first = operator.get(LIST)
    second = operator.get(LIST + first.context["next_url"])

    assert len(second.context["rows"]) == 1
    assert second.context["previous_url"] == "?page=1"


def test_several_alerts_are_acknowledged_at_once(operator: Client) -> None:
    alerts = [make("a"), make("b"), make("c", state=AlertState.RESOLVED)]

    response = operator.post(
        ACT,
        {
            "do": "acknowledge",
            "alert": [alert.pk for alert in alerts],
            "owner": "",
            "note": "Looking",
            "expires": "1h",
            "query": "?state=all",
        },
    )

    assert response.headers["Location"] == f"{LIST}?state=all"
    assert listed(operator, acknowledged="yes") == ["b", "a"]
    alerts[0].refresh_from_db()
    assert (alerts[0].ack_owner, alerts[0].ack_note) == ("operator", "Looking")
    since, until = alerts[0].acknowledged_at, alerts[0].ack_expires_at
    assert since
    assert until
    assert until - since == timedelta(hours=1)


def test_scripts_are_told_what_came_of_it(operator: Client) -> None:
    alert = make("a")

    response = operator.post(
        ACT,
        {"do": "resolve", "alert": alert.pk},
        headers={"X-Requested-With": "XMLHttpRequest"},
    )

    assert response.json()["level"] == "warning"
    assert "a rule's alert is resolved when" in response.json()["message"]


@pytest.mark.parametrize(
    ("done", "count", "told"),
    [
        pytest.param({"do": "acknowledge"}, 1, "1 alert acknowledged.", id="one"),
        pytest.param({"do": "comment", "text": "Look"}, 2, "2 alerts commented on.", id="two"),
        pytest.param({"do": "take_back"}, 1, "0 acknowledgements taken back, 1 not acknowledged.", id="none"),
    ],
)  # fmt: skip
def test_what_was_done_is_told_in_words(
    operator: Client, done: dict[str, str], count: int, told: str
) -> None:
    chosen = [make(f"a{number}").pk for number in range(count)]

    response = operator.post(
        ACT, done | {"alert": chosen}, headers={"X-Requested-With": "XMLHttpRequest"}
    )

    assert response.json()["message"] == told


def test_whole_groups_and_everything_that_matches_are_acted_on(operator: Client) -> None:
    for team in ("web", "web", "db"):
        make(f"{team}-{Alert.objects.count()}", labels={"team": team})
    query = "?by=team&filter=team%21%3D%22x%22"

    operator.post(ACT, {"do": "acknowledge", "in_group": "web", "query": query})
    assert Alert.objects.filter(acknowledged_at__isnull=False).count() == 2
    operator.post(ACT, {"do": "acknowledge", "everything": "1", "query": query})
    assert Alert.objects.filter(acknowledged_at__isnull=False).count() == 3


def test_comments_and_acknowledgements_make_the_history(operator: Client) -> None:
    alert = make("a", active_at=timezone.now() - timedelta(minutes=9))
    page = {"alert": alert.pk, "page_of": alert.pk}

    operator.post(ACT, {**page, "do": "acknowledge", "owner": "ann"})
    operator.post(ACT, {**page, "do": "comment", "text": "It is the switch"})
    back = operator.post(ACT, {**page, "do": "take_back"})

    assert back.headers["Location"] == page_of(alert)
    moments = operator.get(page_of(alert)).context["moments"]
    assert [moment.title for moment in moments] == [
        "Fired",
        "Acknowledged",
        "Comment",
        "Acknowledgement taken back",
    ]
    assert moments[2].text == "It is the switch"
    assert moments[2].by == "operator"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"do": "comment", "text": " "}, "the comment is empty"),
        ({"do": "explode"}, "do:"),
        ({"do": "acknowledge", "expires": "9y"}, "expires:"),
        ({"do": "acknowledge", "note": "x" * 2_001}, "note:"),
    ],
    ids=["empty comment", "unknown action", "unknown expiry", "long note"],
)
def test_what_cannot_be_done_is_told(operator: Client, given: dict[str, str], message: str) -> None:
    alert = make("a")

    response = operator.post(ACT, {**given, "alert": alert.pk}, follow=True)

    assert message in response.content.decode()
    assert not AlertEvent.objects.exists()


def test_nothing_chosen_is_told(operator: Client) -> None:
    response = operator.post(ACT, {"do": "comment", "text": "x"}, follow=True)

    assert "Choose at least one alert" in response.content.decode()


def test_whoever_may_only_look_sees_but_cannot_act() -> None:
    viewer = signed_in(VIEWER)
    alert = make("a")

    text = viewer.get(LIST).content.decode() + viewer.get(page_of(alert)).content.decode()

    assert "data-select" not in text
    assert "ask-acknowledge" not in text
    answer = viewer.post(ACT, {"do": "acknowledge", "alert": alert.pk})
    assert answer.status_code == 403


def test_a_page_says_what_the_alert_says(operator: Client) -> None:
    alert = make(
        "a",
        annotations={
            "summary": "The disk is <full>",
            "description": "See https://wiki.example/disks",
            "runbook_url": "https://runbooks.example/disk",
            "dashboard_url": "javascript:alert(1)",
            "impact": "No backups",
        },
    )

    response = operator.get(page_of(alert))

    text = response.content.decode()
    assert "The disk is &lt;full&gt;" in text
    assert [link["url"] for link in response.context["links"]] == ["https://runbooks.example/disk"]
    assert "javascript:" not in text
    assert 'href="https://wiki.example/disks"' in text
    assert "No backups" in text


def test_a_page_has_the_states_notifications_and_earlier_episodes(operator: Client) -> None:
    now = timezone.now()
    rule = RuleFactory.create(hold_ms=60_000)
    old = [
        make("a", rule=rule, state=AlertState.RESOLVED, active_at=now - timedelta(days=days))
        for days in range(1, 13)
    ]
    alert = make(
        "a",
        rule=rule,
        active_at=now - timedelta(minutes=9),
        fired_at=now - timedelta(minutes=8),
        no_data_since=now,
    )
    told = NotificationFactory.create(firing=[alert.fingerprint], created_at=now)
    NotificationFactory.create(firing=[alert.fingerprint], created_at=now - timedelta(hours=1))
    NotificationFactory.create(firing=["0" * 16], created_at=now)

    response = operator.get(page_of(alert))
    second = operator.get(page_of(alert), {"episodes": 2})

    titles = [moment.title for moment in response.context["moments"]]
    assert titles == ["Pending", "Fired", "No data"]
    assert list(response.context["notifications"]) == [told]
    assert list(response.context["episodes"]) == old[:10]
    assert list(second.context["episodes"]) == old[10:]
    assert operator.get(page_of(old[0])).context["later"] == alert


def test_an_alert_of_a_rule_without_data_is_resolved_on_its_page(operator: Client) -> None:
    alert = make("a", no_data_since=timezone.now())
    assert "do-resolve" in operator.get(page_of(alert)).content.decode()

    operator.post(ACT, {"do": "resolve", "alert": alert.pk, "page_of": alert.pk})

    response = operator.get(page_of(alert))
    alert.refresh_from_db()
    assert alert.state == AlertState.RESOLVED
    assert response.context["moments"][-1].title == "Resolved by hand"
    assert "do-resolve" not in response.content.decode()


def test_a_page_of_an_alert_takes_few_queries(operator: Client) -> None:
    alert = make("a")
    for number in range(30):
        AlertEvent.objects.create(
            alert=alert, kind=AlertEventKind.COMMENT, at=timezone.now(), text=str(number)
        )
    operator.get(page_of(alert))

    with CaptureQueriesContext(connection) as queries:
        operator.get(page_of(alert))

    assert len(queries) < 15


def record(name: str, value: float, at_s: int, **labels: str) -> dict[str, Any]:
    return {"name": name, "value": value, "timestamp": at_s, "labels": labels}


def test_the_graph_shows_the_series_of_the_alert_with_its_threshold() -> None:
    administrator = signed_in(OPERATOR)
    now = timezone.now()
    at_s = int(now.timestamp())
    samples = [
        record("daily_graph_load", 5.0 + minute, at_s - 60 * minute, instance=instance)
        for minute in range(10)
        for instance in ("a", "b")
    ]
    recorded = administrator.post(
        "/api/metrics", json.dumps(samples), content_type="application/json"
    )
    assert recorded.status_code == 202
    rule = RuleFactory.create(expr="4 < daily_graph_load", labels={"team": "x"})
    alert = make("a", rule=rule, labels={"team": "x"}, active_at=now - timedelta(minutes=5))

    graph = administrator.get(f"{LIST}{alert.pk}/graph/").json()

    assert graph["expr"] == "daily_graph_load"
    assert (graph["threshold"], graph["operator"]) == (4.0, ">")
    assert [line["labels"]["instance"] for line in graph["lines"]] == ["a"]
    assert [mark["title"] for mark in graph["marks"]] == ["Fired"]
    assert graph["spans"][0]["state"] == "firing"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [(None, "no rule any more"), ("load >", "parse error")],
    ids=["deleted", "broken"],
)
def test_a_graph_that_cannot_be_drawn_says_why(
    operator: Client, rule: str | None, problem: str
) -> None:
    alert = make("a", rule=RuleFactory.create(expr=rule) if rule else None)

    assert operator.get(page_of(alert)).status_code == 200
    assert problem in operator.get(f"{LIST}{alert.pk}/graph/").json()["problem"]


def test_an_alert_that_is_not_there_is_not_found(operator: Client) -> None:
    assert operator.get(f"{LIST}999999/change/").status_code == 404
    assert operator.get(f"{LIST}999999/graph/").status_code == 404
