from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from alerts.models import AlertState, RuleGroup, RuleRevision
from observability.access.roles import OPERATOR
from tests.access.cast import signed_in
from tests.alerts.factories import AlertFactory, RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/alerts/rulegroup/"
ADD = f"{LIST}add/"


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


def fields(**changes: Any) -> dict[str, Any]:
    """Return what a browser sends for a group."""
    return {"name": "Nodes", "interval_ms": "30s", "limit": "0", "enabled": "on"} | changes


def test_a_group_has_all_that_prometheus_knows_and_an_owner(operator: Client) -> None:
    sent = {
        "owner": "storage",
        "limit": "50",
        "query_offset_ms": "1m",
        "labels-name": ["severity", "team"],
        "labels-value": ["page", "{{ $labels.job }}"],
    }

    response = operator.post(ADD, fields(**sent))

    assert response.status_code == 302
    group = RuleGroup.objects.get()
    assert (group.name, group.owner, group.interval_ms) == ("Nodes", "storage", 30_000)
    assert (group.limit, group.query_offset_ms) == (50, 60_000)
    assert group.labels == {"severity": "page", "team": "{{ $labels.job }}"}
    assert RuleRevision.objects.get().by == "operator"


def test_a_group_need_not_say_an_offset(operator: Client) -> None:
    operator.post(ADD, fields(limit=""))

    group = RuleGroup.objects.get()
    assert (group.limit, group.query_offset_ms, group.labels) == (0, None, {})


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        pytest.param({"interval_ms": "0s"}, "interval_ms", "at least 1s", id="no interval"),
        pytest.param({"interval_ms": "2d"}, "interval_ms", "at most 1d", id="long interval"),
        pytest.param({"query_offset_ms": "x"}, "query_offset_ms", "duration", id="no offset"),
        pytest.param({"limit": "-1"}, "limit", "greater than or equal to 0", id="limit"),
        pytest.param(
            {"labels-name": "a b", "labels-value": "x"}, "labels", "not a label name", id="label"
        ),
        pytest.param(
            {"labels-name": "a", "labels-value": "{{"}, "labels", "a: line 1", id="template"
        ),
    ],
)
def test_what_is_wrong_with_a_group_is_said_at_its_field(
    operator: Client, changes: dict[str, Any], field: str, message: str
) -> None:
    response = operator.post(ADD, fields(**changes))

    errors = response.context["adminform"].form.errors
    assert list(errors) == [field]
    assert message in errors[field][0]


def test_two_groups_of_the_portal_cannot_share_a_name(operator: Client) -> None:
    RuleGroupFactory.create(name="Nodes", file="node.yml")
    RuleGroupFactory.create(name="Hosts")

    of_file = operator.post(ADD, fields())
    of_portal = operator.post(ADD, fields(name="Hosts"))

    assert of_file.status_code == 302
    assert "already" in of_portal.context["adminform"].form.errors["name"][0]


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


def test_a_groups_page_lists_its_rules_with_their_last_run(operator: Client) -> None:
    group = RuleGroupFactory.create()
    alert = AlertFactory.create(rule=RuleFactory.create(group=group, name="Broken", health="err", last_error="no such thing"))  # fmt: skip
    RuleFactory.create(group=group, name="Quiet", expr="up == 0", enabled=False)
    RuleGroup.objects.update(
        evaluated_at=group.next_evaluation_at, rule_durations_ms={str(alert.rule_id): 12.5}
    )

    page = operator.get(group.get_absolute_url()).content.decode()

    assert all(text in page for text in ("Broken", "no such thing", "12.5 ms", "1 firing"))
    assert all(text in page for text in ("Quiet", "up == 0", "disabled", "never"))


def test_a_groups_page_says_when_it_is_too_slow_and_has_missed_iterations(
    operator: Client,
) -> None:
    slow = RuleGroupFactory.create(duration_ms=20_000.0, missed_iterations=3)
    quick = RuleGroupFactory.create(duration_ms=20.0)

    of_slow = operator.get(slow.get_absolute_url()).content.decode()
    of_quick = operator.get(quick.get_absolute_url()).content.decode()

    assert "took 20.0 s, longer than the interval of 15s" in of_slow
    assert "3 iterations missed" in of_slow
    assert "longer than" not in of_quick
    assert "iterations missed" not in of_quick


def test_a_group_of_a_watched_file_is_shown_and_cannot_be_changed(operator: Client) -> None:
    group = RuleGroupFactory.create(
        name="node", file="/rules/node.yml", is_provisioned=True, labels={"team": "storage"}
    )
    RuleFactory.create(group=group, name="FromFile")

    page = operator.get(group.get_absolute_url()).content.decode()
    saved = operator.post(group.get_absolute_url(), fields())
    switched = operator.post(LIST, {"action": "disable", "_selected_action": [group.pk]})

    assert all(text in page for text in ("This comes from a file.", "/rules/node.yml", "FromFile"))
    assert "storage" in page
    assert 'name="_save"' not in page
    assert (saved.status_code, switched.status_code) == (403, 302)
    group.refresh_from_db()
    assert group.enabled


@pytest.mark.parametrize("rules", [2, 40])
def test_a_groups_page_asks_the_database_no_more_for_more_rules(
    operator: Client, rules: int, django_assert_max_num_queries: Any
) -> None:
    group = RuleGroupFactory.create()
    for number in range(rules):
        RuleFactory.create(group=group, name=f"Rule {number}")

    with django_assert_max_num_queries(14):
        operator.get(group.get_absolute_url())
