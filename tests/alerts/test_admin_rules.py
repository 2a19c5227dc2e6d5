from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from alerts.models import AlertState, Route, Rule, RuleGroup, RuleRevision
from observability.access.roles import OPERATOR, VIEWER
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
                "dashboard_url": "https://boards.example/d/1",
                "annotations-name": ["ticket", ""],
                "annotations-value": ["{{ $labels.host | toUpper }}", ""],
                "labels-name": ["team", ""],
                "labels-value": ["{{ if gt $value 9.0 }}a{{ else }}b{{ end }}", ""],
                "resolve_threshold": "1",
                "on_no_data": "fire",
                "on_error": "resolve",
            }
        ),
    )

    rule = Rule.objects.get()
    assert rule.expr == 'sum by (host, job) (rate(load{host=~"db.+",job!="a\\"b"}[10m])) > 1.5'
    assert rule.resolve_expr == (
        'sum by (host, job) (rate(load{host=~"db.+",job!="a\\"b"}[10m])) <= 1'
    )
    assert (rule.on_no_data, rule.on_error) == ("fire", "resolve")
    assert rule.labels == {"team": "{{ if gt $value 9.0 }}a{{ else }}b{{ end }}"}
    assert rule.annotations == {
        "summary": "{{ $labels.host }} is at {{ $value }}",
        "dashboard_url": "https://boards.example/d/1",
        "ticket": "{{ $labels.host | toUpper }}",
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
    sent = {"made_in": "promql", "expr": "up == 0", "resolve_expr": "up == 1", "threshold": "x"}
    operator.post(ADD, fields(**sent))
    rule = Rule.objects.get()

    page = operator.get(rule.get_absolute_url())

    assert (rule.expr, rule.resolve_expr, rule.form) == ("up == 0", "up == 1", None)
    initial = page.context["adminform"].form.initial
    assert (initial["made_in"], initial["resolve_expr"]) == ("promql", "up == 1")


def test_a_recording_rule_has_nothing_of_alerts(operator: Client) -> None:
    sent = {"kind": "recording", "name": "job:up:sum", "expr": "sum by (job) (up)"}
    ignored = {"hold_ms": "soon", "summary": "{{ nope }}", "resolve_expr": "up["}
    labels = {"labels-name": ["severity"], "labels-value": ["{{ as it stands"]}

    response = operator.post(ADD, fields(**sent, **ignored, **labels))

    assert response.status_code == 302
    rule = Rule.objects.get()
    assert (rule.kind, rule.expr, rule.form) == ("recording", "sum by (job) (up)", None)
    assert (rule.severity, rule.hold_ms, rule.annotations, rule.resolve_expr) == ("", 0, {}, "")
    assert rule.labels == {"severity": "{{ as it stands"}


def test_a_saved_rule_keeps_its_kind(operator: Client) -> None:
    rule = RuleFactory.create(kind="recording", name="a:b", expr="up", severity="")

    operator.post(rule.get_absolute_url(), fields(kind="alerting", name="a:c", expr="up + 1", position="0"))  # fmt: skip

    rule.refresh_from_db()
    assert (rule.kind, rule.name, rule.expr) == ("recording", "a:c", "up + 1")


def test_a_rule_without_a_severity_takes_it_from_its_labels(operator: Client) -> None:
    sent = {"severity": "", "labels-name": "severity", "labels-value": "page"}

    response = operator.post(ADD, fields(**sent))

    rule = Rule.objects.get()
    assert response.status_code == 302
    assert rule.alert_labels()["severity"] == "page"
    assert "page" in operator.get(LIST).content.decode()


def test_the_history_names_who_has_changed_a_rule(operator: Client) -> None:
    operator.post(ADD, fields())
    rule = Rule.objects.get()

    operator.post(LIST, {"action": "disable", "_selected_action": [rule.pk]})
    operator.post(f"{LIST}{rule.pk}/delete/", {"post": "yes"})

    written = RuleRevision.objects.filter(subject="rule").order_by("pk")
    assert [(one.action, one.by) for one in written] == [
        ("created", "operator"),
        ("changed", "operator"),
        ("deleted", "operator"),
    ]


@pytest.fixture
def provisioned() -> Rule:
    group = RuleGroupFactory.create(name="node", file="/rules/node.yml", is_provisioned=True)
    return RuleFactory.create(group=group, name="FromFile", expr="up == 0")


def test_a_rule_of_a_watched_file_is_shown_and_cannot_be_changed(
    operator: Client, provisioned: Rule
) -> None:
    page = operator.get(provisioned.get_absolute_url()).content.decode()
    saved = operator.post(provisioned.get_absolute_url(), fields())
    deleted = operator.post(f"{LIST}{provisioned.pk}/delete/", {"post": "yes"})

    assert "This comes from a file." in page
    assert "/rules/node.yml" in page
    assert "up == 0" in page
    assert 'name="_save"' not in page
    assert (saved.status_code, deleted.status_code) == (403, 403)


def test_rules_of_watched_files_are_left_out_of_what_is_done_to_many(
    operator: Client, provisioned: Rule
) -> None:
    own = RuleFactory.create(name="Own")
    chosen = {"_selected_action": [own.pk, provisioned.pk]}

    switched = operator.post(LIST, {"action": "disable", **chosen}, follow=True)
    deleted = operator.post(LIST, {"action": "delete_selected", "post": "yes", **chosen})

    assert "1 left as they are" in switched.content.decode()
    assert deleted.status_code == 403
    assert dict(Rule.objects.values_list("name", "enabled")) == {"Own": False, "FromFile": True}


def test_a_rule_cannot_be_put_into_a_group_of_a_watched_file(
    operator: Client, provisioned: Rule
) -> None:
    response = operator.post(ADD, fields(group=str(provisioned.group_id)))

    assert "Only its file, /rules/node.yml" in errors_of(response)["group"][0]


@pytest.mark.parametrize("rules", [1, 60])
def test_saving_a_rule_costs_the_same_in_a_group_of_any_size(
    operator: Client, rules: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(rules):
        rule = RuleFactory.create(group=RuleGroup.objects.default(), name=f"Rule {number}")
    sent = fields(position="0")

    with django_assert_max_num_queries(22) as queries:
        response = operator.post(rule.get_absolute_url(), sent)

    assert response.status_code == 302
    of_rows = [each for each in queries.captured_queries if "SAVEPOINT" not in each["sql"]]
    assert len(of_rows) < 15


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
        ({"labels-name": "a", "labels-value": "{{ end }}"}, "labels", "unexpected {{end}}"),
        (
            {"resolve_threshold": "2"},
            "resolve_threshold",
            "expected a resolve threshold of 1.5 or lower",
        ),
        ({"made_in": "promql", "expr": "up", "resolve_expr": "up["}, "resolve_expr", "parse error"),
        ({"dashboard_url": "{{ nope }}"}, "dashboard_url", 'function "nope" not defined'),
        ({"runbook_url": "ask Ann"}, "runbook_url", "begins with https:// or http://"),
        ({"dashboard_url": "/boards/1"}, "dashboard_url", "begins with https:// or http://"),
        ({"kind": "recording", "name": "a b", "expr": "up"}, "name", "is not a metric name"),
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


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("https://wiki.example/hot", id="of the web"),
        pytest.param("{{ $externalURL }}/admin/runbooks/hot/", id="template"),
    ],
)
def test_a_runbook_is_an_address_or_a_template_of_one(operator: Client, address: str) -> None:
    operator.post(ADD, fields(runbook_url=address))

    assert Rule.objects.get().annotations["runbook_url"] == address


def test_a_runbook_of_an_imported_rule_that_is_no_address_stays(operator: Client) -> None:
    operator.post(ADD, fields())
    Rule.objects.update(annotations={"runbook_url": "ask Ann"})
    rule = Rule.objects.get()

    operator.post(f"/admin/alerts/rule/{rule.pk}/change/", fields(runbook_url="ask Ann", threshold="3", position="0"))  # fmt: skip

    rule.refresh_from_db()
    assert rule.annotations["runbook_url"] == "ask Ann"
    assert rule.form is not None
    assert rule.form["threshold"] == 3


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


def test_the_form_asks_for_names_only_while_somebody_types(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    RuleGroup.objects.default()
    Route.objects.root()

    with django_assert_max_num_queries(14) as queries:
        page = operator.get(ADD).content.decode()

    assert 'data-complete-url="/admin/metrics/query/complete/KIND/"' in page
    assert not [query for query in queries.captured_queries if "metrics_" in query["sql"]]


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


@pytest.mark.parametrize("path", [LIST, "/admin/alerts/rulegroup/"])
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
