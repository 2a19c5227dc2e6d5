from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertSource, AlertState, Rule, RuleGroup
from observability.access.roles import OPERATOR, VIEWER
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from tests.access.cast import signed_in
from tests.alerts.factories import AlertFactory, RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

ADD = "/admin/alerts/rule/add/"
LIST = "/admin/alerts/rule/"


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


def fields(**changes: Any) -> dict[str, Any]:
    """Return what a browser sends for the simplest rule."""
    return {
        "name": "HighLoad",
        "severity": "critical",
        "enabled": "on",
        "made_in": "simple",
        "metric": "load",
        "operator": ">",
        "threshold": "1.5",
        "hold_ms": "5m",
        "group": str(RuleGroup.objects.default().pk),
    } | changes


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def test_the_first_rule_needs_no_group_and_no_promql(operator: Client) -> None:
    page = operator.get(ADD)

    response = operator.post(ADD, fields())

    assert page.context["adminform"].form["group"].initial == RuleGroup.objects.default()
    assert response.status_code == 302
    rule = Rule.objects.get()
    assert (rule.expr, rule.hold_ms, rule.severity) == ("load > 1.5", 300_000, "critical")
    assert rule.created_by == User.objects.get()


def test_the_whole_simple_form_compiles(operator: Client) -> None:
    operator.post(
        ADD,
        fields(
            **{
                "filters-label": ["host", "job", ""],
                "filters-operator": ["=~", "!=", "="],
                "filters-value": ["db.+", 'a"b', ""],
                "over_time": "rate",
                "window_length": "10m",
                "aggregation": "sum",
                "by": "host, job",
                "summary": "{{ $labels.host }} is at {{ $value }}",
                "annotations-name": ["dashboard", ""],
                "annotations-value": ["/d/1", ""],
                "labels-name": ["team", ""],
                "labels-value": ["storage", ""],
            }
        ),
    )

    rule = Rule.objects.get()
    assert rule.expr == 'sum by (host, job) (rate(load{host=~"db.+",job!="a\\"b"}[10m])) > 1.5'
    assert rule.labels == {"team": "storage"}
    assert rule.annotations == {
        "summary": "{{ $labels.host }} is at {{ $value }}",
        "dashboard": "/d/1",
    }


def test_a_saved_rule_is_shown_as_it_was_made(operator: Client) -> None:
    sent = fields(
        **{
            "filters-label": ["host"],
            "filters-operator": ["!="],
            "filters-value": ["db"],
            "summary": "Too high",
        }
    )
    operator.post(ADD, sent)
    rule = Rule.objects.get()

    page = operator.get(rule.get_absolute_url())

    initial = page.context["adminform"].form.initial
    assert (initial["made_in"], initial["metric"], initial["threshold"]) == (
        "simple",
        "load",
        "1.5",
    )
    assert initial["filters"] == [{"label": "host", "operator": "!=", "value": "db"}]
    assert initial["summary"] == "Too high"
    assert 'value="5m"' in page.content.decode()
    assert "load{host!=&quot;db&quot;} &gt; 1.5" in page.content.decode()


def test_a_rule_made_in_promql_stays_in_promql(operator: Client) -> None:
    operator.post(ADD, fields(made_in="promql", expr="up == 0", metric="", threshold=""))
    rule = Rule.objects.get()

    page = operator.get(rule.get_absolute_url())

    assert (rule.expr, rule.form) == ("up == 0", None)
    assert page.context["adminform"].form.initial["made_in"] == "promql"


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"metric": ""}, "metric", "name the metric"),
        ({"threshold": ""}, "threshold", "Give the value"),
        ({"threshold": "x"}, "threshold", "Enter a number"),
        ({"hold_ms": "soon"}, "hold_ms", "expected a duration such as 30s, 5m or 1h30m"),
        ({"over_time": "rate", "window_length": "x"}, "window_length", "duration"),
        ({"made_in": "promql", "expr": ""}, "expr", "write the expression"),
        ({"made_in": "promql", "expr": "sum("}, "expr", "parse error"),
        ({"made_in": "promql", "expr": "up[5m]"}, "expr", "range vector"),
        ({"summary": "{{ nope }}"}, "summary", 'function "nope" not defined'),
        ({"description": "{{ $value"}, "description", "unclosed action"),
        ({"annotations-name": "a b", "annotations-value": "x"}, "annotations", "a b"),
        ({"labels-name": "severity", "labels-value": "x"}, "labels", "has a field of its own"),
        ({"labels-name": ["a", "a"], "labels-value": ["1", "2"]}, "labels", "twice"),
        (
            {"filters-label": "a", "filters-operator": "=~", "filters-value": "("},
            "filters",
            "Row 1, value: error parsing regexp",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    operator: Client, changes: dict[str, Any], field: str, message: str
) -> None:
    response = operator.post(ADD, fields(**changes))

    errors = errors_of(response)
    assert list(errors) == [field]
    assert message in errors[field][0]
    assert not Rule.objects.exists()


def test_too_many_labels_are_refused_at_their_field(operator: Client) -> None:
    names = [f"l{n}" for n in range(41)]

    response = operator.post(ADD, fields(**{"labels-name": names, "labels-value": names}))

    assert errors_of(response) == {"labels": ["expected at most 40 labels, got 41"]}


def test_what_was_typed_stays_when_the_form_has_errors(operator: Client) -> None:
    sent = {
        "filters-label": "host",
        "filters-operator": "=~",
        "filters-value": "(",
        "metric": "abc",
    }

    response = operator.post(ADD, fields(**sent))

    page = response.content.decode()
    assert 'value="abc"' in page
    assert re.search(r'name="filters-value"\s+value="\("', page)


def test_the_form_offers_the_metrics_that_are_recorded(operator: Client) -> None:
    labels = (("__name__", "node_load1"), ("instance", "a"))
    get_backend().append(batch_at(1_700_000_000_000, [(labels, 1.0)]))

    page = operator.get(ADD).content.decode()

    assert '<option value="node_load1">' in page
    assert '<option value="instance">' in page


def test_the_preview_shows_the_promql_of_an_unfinished_form(operator: Client) -> None:
    sent = {"made_in": "simple", "metric": "load", "operator": "<", "threshold": "5"}

    answer = operator.post("/admin/alerts/rule/preview/", sent)

    assert answer.json() == {"expr": "load < 5"}


def test_the_preview_says_what_is_missing(operator: Client) -> None:
    answer = operator.post("/admin/alerts/rule/preview/", {"made_in": "simple", "operator": "<"})

    assert "metric" in answer.json()["problem"]


def test_a_saved_rule_is_due_at_once(operator: Client) -> None:
    RuleGroup.objects.update(next_evaluation_at=timezone.now() + timedelta(days=1))

    operator.post(ADD, fields())

    assert RuleGroup.objects.default().next_evaluation_at <= timezone.now()


def test_rules_are_disabled_and_enabled_together(operator: Client) -> None:
    alert = AlertFactory.create()
    other = RuleFactory.create(name="Other")
    chosen = [alert.rule_id, other.pk]

    operator.post(LIST, {"action": "disable", "_selected_action": chosen})
    disabled = list(Rule.objects.values_list("enabled", flat=True))
    operator.post(LIST, {"action": "enable", "_selected_action": chosen})

    alert.refresh_from_db()
    assert disabled == [False, False]
    assert list(Rule.objects.values_list("enabled", flat=True)) == [True, True]
    assert alert.state == AlertState.RESOLVED


def test_rules_are_deleted_together_and_their_alerts_resolved(operator: Client) -> None:
    alert = AlertFactory.create()

    operator.post(
        LIST, {"action": "delete_selected", "_selected_action": [alert.rule_id], "post": "yes"}
    )

    alert.refresh_from_db()
    assert not Rule.objects.exists()
    assert (alert.state, alert.rule_id) == (AlertState.RESOLVED, None)


def test_an_empty_list_says_what_to_do_next(operator: Client) -> None:
    page = operator.get(LIST).content.decode()

    assert "No rules yet" in page
    assert 'href="/admin/alerts/rule/add/"' in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Firing", "Quiet"]),
        ("?state=firing", ["Firing"]),
        ("?state=inactive", ["Quiet"]),
        ("?q=quie", ["Quiet"]),
        ("?severity__exact=critical", []),
    ],
)
def test_rules_are_found_by_state_and_name(operator: Client, query: str, names: list[str]) -> None:
    AlertFactory.create(rule=RuleFactory.create(name="Firing"))
    RuleFactory.create(name="Quiet")

    found = operator.get(LIST + query).context["cl"].result_list

    assert [rule.name for rule in found] == names


@pytest.mark.parametrize("path", [LIST, "/admin/alerts/alert/", "/admin/alerts/rulegroup/"])
def test_a_list_asks_the_database_no_more_for_more_rows(
    operator: Client, path: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        AlertFactory.create(rule=RuleFactory.create(name=f"Rule {number}"))

    with django_assert_max_num_queries(14):
        operator.get(path)


def test_a_viewer_sees_a_rule_but_cannot_change_it() -> None:
    rule = RuleFactory.create(expr="load > 1")
    viewer = signed_in(VIEWER)

    page = viewer.get(rule.get_absolute_url())

    assert page.status_code == 200
    assert "load &gt; 1" in page.content.decode()
    assert viewer.post(rule.get_absolute_url(), fields()).status_code == 403
    assert viewer.get(ADD).status_code == 403
    assert viewer.post("/admin/alerts/rule/preview/", fields()).status_code == 403


def test_a_changed_group_keeps_what_evaluation_knows(operator: Client) -> None:
    group = RuleGroupFactory.create(missed_iterations=7)

    operator.post(
        group.get_absolute_url(), {"name": "Nodes", "interval_ms": "30s", "enabled": "on"}
    )

    group.refresh_from_db()
    assert (group.name, group.interval_ms, group.missed_iterations) == ("Nodes", 30_000, 7)


def test_a_group_is_deleted_with_its_rules_and_their_alerts_resolved(operator: Client) -> None:
    alert = AlertFactory.create()
    assert alert.rule is not None

    operator.post(f"/admin/alerts/rulegroup/{alert.rule.group_id}/delete/", {"post": "yes"})

    alert.refresh_from_db()
    assert (alert.state, alert.rule_id) == (AlertState.RESOLVED, None)


def test_alerts_show_what_is_active_firing_first(operator: Client) -> None:
    for state in (AlertState.RESOLVED, AlertState.PENDING, AlertState.FIRING):
        AlertFactory.create(state=state)

    found = operator.get("/admin/alerts/alert/").context["cl"].result_list

    assert [alert.state for alert in found] == [AlertState.FIRING, AlertState.PENDING]


def test_an_alerts_page_shows_its_labels_and_annotations(operator: Client) -> None:
    alert = AlertFactory.create(
        labels={"alertname": "A", "host": "<db>", "severity": "info"},
        annotations={"runbook_url": "https://example.org/a"},
    )

    page = operator.get(alert.get_absolute_url()).content.decode()

    assert "host=&lt;db&gt;" in page
    assert '<a href="https://example.org/a"' in page


def test_only_alerts_reported_by_hand_can_be_resolved(operator: Client) -> None:
    of_rule = AlertFactory.create()
    by_hand = AlertFactory.create(rule=None, source=AlertSource.MANUAL)
    chosen = [of_rule.pk, by_hand.pk]

    operator.post("/admin/alerts/alert/", {"action": "resolve", "_selected_action": chosen})

    states = dict(Alert.objects.values_list("pk", "state"))
    assert states == {of_rule.pk: AlertState.FIRING, by_hand.pk: AlertState.RESOLVED}
