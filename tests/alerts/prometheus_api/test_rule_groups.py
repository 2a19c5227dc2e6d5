from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alerts.models import AlertState, Rule, RuleGroup, RuleHealth, RuleKind
from observability.access.scopes import Scope
from tests.access.cast import bearer, make_key
from tests.alerts.factories import NOW, AlertFactory, RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

RULES = "/api/v1/rules"


class Prometheus:
    """A client of the API that may read alerts."""

    def __init__(self) -> None:
        self._client = Client(headers=bearer(make_key(Scope.ALERTS_READ)))

    def ask(self, path: str, parameters: Any = None) -> tuple[int, Any]:
        response = self._client.get(path, parameters)
        return response.status_code, json.loads(b"".join(response))

    def groups(self, **parameters: Any) -> list[dict[str, Any]]:
        status, answer = self.ask(RULES, parameters)
        assert status == 200, answer
        groups: list[dict[str, Any]] = answer["data"]["groups"]
        return groups

    def names(self, **parameters: Any) -> list[str]:
        return [rule["name"] for group in self.groups(**parameters) for rule in group["rules"]]

    def error(self, **parameters: Any) -> str:
        status, answer = self.ask(RULES, parameters)
        assert (status, answer["status"], answer["errorType"]) == (400, "error", "bad_data")
        return str(answer["error"])


@pytest.fixture
def prometheus() -> Prometheus:
    return Prometheus()


def evaluated(group: RuleGroup) -> None:
    group.evaluated_at = NOW
    group.duration_ms = 12.5
    group.rule_durations_ms = {str(rule.pk): 1.5 for rule in group.rules.all()}
    group.save()


def test_a_portal_without_rules_has_no_groups(prometheus: Prometheus) -> None:
    answer = prometheus.ask(RULES)

    assert answer == (200, {"status": "success", "data": {"groups": []}})


def test_rules_are_listed_as_prometheus_lists_them(prometheus: Prometheus) -> None:
    group = RuleGroupFactory.create(
        name="node", file="node.yml", interval_ms=60_000, limit=7, labels={"team": "infra"}
    )
    rule = RuleFactory.create(
        group=group,
        expr="load{job='node'}>1",
        hold_ms=300_000,
        keep_firing_ms=1_500,
        severity="critical",
        labels={"zone": "a"},
        annotations={"summary": "Load of {{ $labels.instance }}"},
    )
    recording = RuleFactory.create(
        group=group,
        name="job:load:avg",
        kind=RuleKind.RECORDING,
        expr="avg by(job)(load)",
        severity="",
        position=1,
        health=RuleHealth.ERROR,
        last_error="query timed out",
    )
    AlertFactory.create(
        rule=rule,
        labels={"instance": "a:1", "alertname": "HighLoad"},
        annotations={"summary": "Load of a:1"},
        value=12.5,
        active_at=datetime(2026, 3, 1, 11, 59, 0, 500_000, tzinfo=UTC),
        keep_firing_since=NOW,
    )
    evaluated(group)

    (found,) = prometheus.groups()

    shared = {"evaluationTime": 0.0015, "lastEvaluation": "2026-03-01T12:00:00Z"}
    assert found == {
        "name": "node",
        "file": "node.yml",
        "rules": [
            {
                "state": "firing",
                "name": "HighLoad",
                "query": 'load{job="node"} > 1',
                "duration": 300,
                "keepFiringFor": 1.5,
                "labels": {"severity": "critical", "team": "infra", "zone": "a"},
                "annotations": {"summary": "Load of {{ $labels.instance }}"},
                "alerts": [
                    {
                        "labels": {"alertname": "HighLoad", "instance": "a:1"},
                        "annotations": {"summary": "Load of a:1"},
                        "state": "firing",
                        "activeAt": "2026-03-01T11:59:00.5Z",
                        "keepFiringSince": "2026-03-01T12:00:00Z",
                        "value": "1.25e+01",
                    }
                ],
                "health": "unknown",
                **shared,
                "type": "alerting",
            },
            {
                "name": recording.name,
                "query": "avg by (job) (load)",
                "labels": {"team": "infra"},
                "health": "err",
                "lastError": "query timed out",
                **shared,
                "type": "recording",
            },
        ],
        "interval": 60,
        "limit": 7,
        "evaluationTime": 0.0125,
        "lastEvaluation": "2026-03-01T12:00:00Z",
    }


def test_a_rule_that_was_never_evaluated_says_so(prometheus: Prometheus) -> None:
    RuleFactory.create()

    (group,) = prometheus.groups()

    (rule,) = group["rules"]
    never = "0001-01-01T00:00:00Z"
    assert (rule["state"], rule["health"], rule["alerts"]) == ("unknown", "unknown", [])
    assert (rule["lastEvaluation"], group["lastEvaluation"]) == (never, never)
    assert (rule["evaluationTime"], group["evaluationTime"]) == (0, 0)


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([], "inactive"),
        ([AlertState.RESOLVED], "inactive"),
        ([AlertState.PENDING], "pending"),
        ([AlertState.PENDING, AlertState.FIRING, AlertState.RESOLVED], "firing"),
    ],
    ids=["no alerts", "resolved", "pending", "firing"],
)
def test_a_rules_state_is_the_furthest_of_its_alerts(
    prometheus: Prometheus, states: list[AlertState], state: str
) -> None:
    rule = RuleFactory.create()
    for one in states:
        AlertFactory.create(rule=rule, state=one)
    evaluated(rule.group)

    for parameters in ({}, {"exclude_alerts": "true"}):
        (group,) = prometheus.groups(**parameters)
        assert group["rules"][0]["state"] == state


def test_groups_are_sorted_by_file_and_name_and_rules_by_position(prometheus: Prometheus) -> None:
    for file, name in (("z.yml", "a"), ("", "b"), ("", "B"), ("Z.yml", "ä"), ("a.yml", "a")):
        made = RuleGroupFactory.create(file=file, name=name)
        second = RuleFactory.create(group=made, name="second", position=2)
        first = RuleFactory.create(group=made, name="first", position=1)
        AlertFactory.create(rule=second, labels={"alertname": "second", "at": f"{file}/{name}"})
        AlertFactory.create(rule=first, labels={"alertname": "first", "at": f"{file}/{name}"})

    groups = prometheus.groups()

    assert [(group["file"], group["name"]) for group in groups] == [
        ("Z.yml", "ä"),
        ("a.yml", "a"),
        ("portal", "B"),
        ("portal", "b"),
        ("z.yml", "a"),
    ]
    for group in groups:
        assert [rule["name"] for rule in group["rules"]] == ["first", "second"]
        place = f"{group['file'].removeprefix('portal')}/{group['name']}"
        for rule in group["rules"]:
            assert [alert["labels"] for alert in rule["alerts"]] == [
                {"alertname": rule["name"], "at": place}
            ]


@pytest.fixture
def choosable() -> None:
    cpu = RuleGroupFactory.create(name="cpu", file="node.yml", labels={"team": "infra"})
    disk = RuleGroupFactory.create(name="disk", file="node.yml")
    web = RuleGroupFactory.create(name="web")
    RuleFactory.create(group=cpu, name="HighCpu", severity="critical")
    RuleFactory.create(
        group=cpu, name="cpu:rate", kind=RuleKind.RECORDING, expr="rate(cpu[5m])", position=1
    )
    RuleFactory.create(group=disk, name="DiskFull", severity="warning")
    RuleFactory.create(group=web, name="Slow", severity="", labels={"page": "{{ $labels.page }}"})
    for rule in Rule.objects.filter(kind=RuleKind.ALERTING):
        AlertFactory.create(rule=rule, labels={"alertname": rule.name})


@pytest.mark.usefixtures("choosable")
@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, ["HighCpu", "cpu:rate", "DiskFull", "Slow"]),
        ({"type": "alert"}, ["HighCpu", "DiskFull", "Slow"]),
        ({"type": "RECORD"}, ["cpu:rate"]),
        ({"rule_name[]": ["Slow", "cpu:rate", "other"]}, ["cpu:rate", "Slow"]),
        ({"rule_group[]": ["cpu", "web"]}, ["HighCpu", "cpu:rate", "Slow"]),
        ({"file[]": "portal"}, ["Slow"]),
        ({"file[]": "node.yml", "type": "record"}, ["cpu:rate"]),
        ({"file[]": "other.yml"}, []),
        ({"match[]": '{team="infra"}'}, ["HighCpu", "cpu:rate"]),
        ({"match[]": ['{severity="warning"}', '{page=~".labels.+|.+"}']}, ["DiskFull", "Slow"]),
        ({"match[]": '{severity="critical",team!="infra"}'}, []),
        ({"match[]": '{alertname="Slow"}'}, []),
        ({"group_limit": "1"}, ["HighCpu", "cpu:rate"]),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_rules_are_chosen_by(
    prometheus: Prometheus, parameters: dict[str, Any], names: list[str]
) -> None:
    found = prometheus.groups(**parameters)

    rules = [rule for group in found for rule in group["rules"]]
    assert [rule["name"] for rule in rules] == names
    assert all(group["rules"] for group in found)
    for rule in rules:
        if rule["type"] == "alerting":
            assert [alert["labels"]["alertname"] for alert in rule["alerts"]] == [rule["name"]]


@pytest.mark.usefixtures("choosable")
def test_alerts_can_be_left_out(prometheus: Prometheus) -> None:
    rules = [rule for group in prometheus.groups(exclude_alerts="T") for rule in group["rules"]]

    assert [rule.get("alerts", "none") for rule in rules] == [None, "none", None, None]


@pytest.mark.usefixtures("choosable")
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"type": "Alerts"}, 'invalid parameter "type": not supported value "alerts"'),
        (
            {"exclude_alerts": "Perhaps"},
            'invalid parameter "exclude_alerts": error converting exclude_alerts: '
            'strconv.ParseBool: parsing "perhaps": invalid syntax',
        ),
        (
            {"group_limit": "many"},
            'invalid parameter "group_limit": group_limit needs to be a valid number: '
            'strconv.ParseInt: parsing "many": invalid syntax',
        ),
        (
            {"group_limit": "2147483648"},
            'invalid parameter "group_limit": group_limit needs to be a valid number: '
            'strconv.ParseInt: parsing "2147483648": value out of range',
        ),
        (
            {"group_limit": "0"},
            'invalid parameter "group_limit": group_limit needs to be greater than 0',
        ),
        (
            {"group_next_token": "x"},
            'invalid parameter "group_next_token": group_limit needs to be present in order to '
            "paginate over the groups",
        ),
        (
            {"group_next_token": "x", "group_limit": "1"},
            "invalid parameter \"group_next_token\": invalid group_next_token 'x'. "
            "were rule groups changed?",
        ),
        ({"match[]": '{a=""}'}, "match[] must contain at least one non-empty matcher"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_understood_is_refused_in_prometheus_words(
    prometheus: Prometheus, parameters: dict[str, Any], message: str
) -> None:
    assert prometheus.error(**parameters) == message


def test_a_selector_that_is_none_is_refused(prometheus: Prometheus) -> None:
    assert "parse error" in prometheus.error(**{"match[]": "{"})


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_of_groups_make_up_the_whole(prometheus: Prometheus, limit: int) -> None:
    for number in range(5):
        AlertFactory.create(rule=RuleFactory.create(name=f"Rule{number}"))
        RuleGroupFactory.create()
    whole = prometheus.groups()

    pages: list[Any] = []
    token = ""
    while True:
        page = {"group_limit": limit, **({"group_next_token": token} if token else {})}
        data = prometheus.ask(RULES, page)[1]["data"]
        assert 1 <= len(data["groups"]) <= limit
        pages += data["groups"]
        token = data.get("groupNextToken", "")
        if not token:
            break

    assert pages == whole


def test_what_is_disabled_is_not_listed(prometheus: Prometheus) -> None:
    RuleFactory.create(name="Off", enabled=False)
    RuleFactory.create(name="GroupOff", group=RuleGroupFactory.create(enabled=False))
    RuleFactory.create(name="On")

    assert prometheus.names() == ["On"]


def test_the_same_is_there_under_the_prefix_with_and_without_a_slash(
    prometheus: Prometheus,
) -> None:
    AlertFactory.create()

    answers = [
        prometheus.ask(prefix + path + slash)
        for path in (RULES, "/api/v1/alerts")
        for prefix in ("", "/prometheus")
        for slash in ("", "/")
    ]

    assert [status for status, _ in answers] == [200] * 8
    assert answers[:4] == answers[:1] * 4
    assert answers[4:] == answers[4:5] * 4


def _about_alerts(queries: CaptureQueriesContext) -> int:
    """How many statements there were, but for those about the key, which is known for a second."""
    return sum("alerts_" in query["sql"] for query in queries.captured_queries)


def test_the_database_is_asked_no_more_for_more_rules(prometheus: Prometheus) -> None:
    AlertFactory.create()
    prometheus.groups()
    with CaptureQueriesContext(connection) as few:
        prometheus.groups()

    for number in range(30):
        group = RuleGroupFactory.create()
        for _ in range(3):
            AlertFactory.create(rule=RuleFactory.create(name=f"Rule{number}", group=group))
    with CaptureQueriesContext(connection) as many:
        assert len(prometheus.names()) == 91

    assert _about_alerts(many) == _about_alerts(few) <= 5
