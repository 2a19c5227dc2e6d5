from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from alerts.models import Rule
from observability.access.roles import OPERATOR, VIEWER
from observability.metrics.backend import get_backend
from observability.metrics.samples import batch_at
from tests.access.cast import signed_in
from tests.alerts.factories import RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

PREVIEW = "/admin/alerts/rule/preview/"


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


@pytest.fixture
def heat() -> None:
    """Two hosts' heat, a moment ago."""
    samples = [
        ((("__name__", "pva_heat"), ("host", host)), value)
        for host, value in (("a", 95.0), ("b", 60.0))
    ]
    get_backend().append(batch_at(int(time.time() * 1000) - 1_000, samples))


def simple(**changes: Any) -> dict[str, Any]:
    """Return what a browser sends of a form that is hardly begun."""
    return {
        "kind": "alerting",
        "made_in": "simple",
        "metric": "pva_heat",
        "operator": ">",
        "threshold": "90",
    } | changes


def promql(expr: str, **changes: Any) -> dict[str, Any]:
    return {"kind": "alerting", "made_in": "promql", "expr": expr} | changes


@pytest.mark.usefixtures("heat")
def test_a_form_that_is_hardly_begun_shows_what_would_fire(operator: Client) -> None:
    sent = simple(resolve_threshold="80", summary="{{ $labels.host }} at {{ $value | humanize }}")

    answer = operator.post(PREVIEW, sent).json()

    assert (answer["expr"], answer["resolve_expr"]) == ("pva_heat > 90", "pva_heat <= 80")
    assert "1 would fire now" in answer["html"]
    assert "a at 95" in answer["html"]
    assert [level["words"] for level in answer["graph"]["levels"]] == [
        "fires > 90",
        "resolves <= 80",
    ]
    assert [line["labels"]["host"] for line in answer["graph"]["lines"]] == ["a", "b"]


@pytest.mark.usefixtures("heat")
def test_where_nothing_would_fire_the_form_says_how_far_from_it(operator: Client) -> None:
    answer = operator.post(PREVIEW, simple(threshold="100")).json()

    assert "Nothing would fire now" in answer["html"]
    assert "<strong>95</strong>, which is 5 from &gt; 100" in answer["html"]


@pytest.mark.usefixtures("heat")
def test_an_expression_that_fails_says_why_once(operator: Client) -> None:
    answer = operator.post(PREVIEW, promql("pva_heat / on(job) pva_heat > 1")).json()

    assert answer["html"].count("many-to-many matching not allowed") == 1


def test_a_metric_that_is_not_stored_is_named(operator: Client) -> None:
    answer = operator.post(PREVIEW, simple(metric="pva_heet")).json()

    assert "No series of <code>pva_heet</code> are stored." in answer["html"]
    assert answer["graph"]["lines"] == []


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        pytest.param(simple(metric=""), "name the metric", id="no metric"),
        pytest.param(simple(threshold=""), "Give the value to compare with", id="no threshold"),
        pytest.param(
            simple(resolve_threshold="91"),
            "expected a resolve threshold of 90 or lower",
            id="resolve",
        ),
        pytest.param(promql(""), "write the expression", id="no expression"),
        pytest.param(promql("up", resolve_expr="up["), "parse error", id="resolve condition"),
    ],
)
def test_an_unfinished_form_says_what_is_missing(
    operator: Client, sent: dict[str, Any], message: str
) -> None:
    answer = operator.post(PREVIEW, sent).json()

    assert (answer["expr"], answer["graph"]) == ("", None)
    assert message in answer["problem"]


def test_a_mistake_in_promql_is_marked_where_it_is(operator: Client) -> None:
    answer = operator.post(PREVIEW, promql("sum(rates(pva_heat[5m]))")).json()

    assert "sum(<mark>rates</mark>(pva_heat[5m]))" in answer["html"]
    assert "unknown function" in answer["html"]


@pytest.mark.usefixtures("heat")
def test_a_template_that_could_not_be_saved_is_shown_as_prometheus_shows_it(
    operator: Client,
) -> None:
    answer = operator.post(PREVIEW, simple(name="Hot", summary="{{ nope }}")).json()

    assert "&lt;error expanding template: error parsing template __alert_Hot:" in answer["html"]


@pytest.mark.usefixtures("heat")
def test_a_saved_recording_rule_shows_what_it_would_record(operator: Client) -> None:
    group = RuleGroupFactory.create(labels={"team": "storage"})
    rule = RuleFactory.create(kind="recording", name="pva:heat:max", expr="1", group=group)
    # A browser does not send a field that cannot be changed.
    sent = {"preview-rule": rule.pk, "name": rule.name, "group": group.pk, "expr": "max(pva_heat)"}

    answer = operator.post(PREVIEW, sent).json()

    assert "1 series would be recorded" in answer["html"]
    assert "__name__=pva:heat:max" in answer["html"]
    assert "team=storage" in answer["html"]
    assert Rule.objects.get().expr == "1"


def test_the_preview_is_for_those_who_may_change_rules(operator: Client) -> None:
    viewer = signed_in(VIEWER)
    file = RuleGroupFactory.create(file="/rules/a.yml", is_provisioned=True)
    of_file = RuleFactory.create(group=file)

    assert viewer.post(PREVIEW, simple()).status_code == 403
    assert operator.get(PREVIEW).status_code == 405
    assert operator.post(PREVIEW, simple(**{"preview-rule": of_file.pk})).status_code == 403
    assert operator.post(PREVIEW, simple(**{"preview-rule": "999999"})).status_code == 404


@pytest.mark.usefixtures("heat")
def test_those_who_may_not_read_metrics_see_the_promql_alone(operator: Client) -> None:
    Group.objects.get(name=OPERATOR.name).permissions.remove(
        Permission.objects.get(codename="view_series")
    )

    answer = operator.post(PREVIEW, simple()).json()

    assert (answer["expr"], answer["html"], answer["graph"]) == ("pva_heat > 90", "", None)
