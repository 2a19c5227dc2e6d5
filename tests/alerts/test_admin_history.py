from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from alerts.models import Rule, RuleGroup, RuleRevision
from alerts.retention import REVISIONS_KEPT_FOR, delete_old_revisions
from alerts.rules import changes
from alerts.rules.revisions import Author
from observability.access.roles import OPERATOR, VIEWER
from tests.access.cast import signed_in
from tests.alerts.factories import NOW, RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

ALL = "/admin/alerts/rulerevision/"
ANN = Author(by="ann")


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


def save(rule: Rule, *, author: Author = ANN, **changed: Any) -> Rule:
    """Save a rule as the admin and the API do."""
    for field, value in changed.items():
        setattr(rule, field, value)
    changes.save_rule(rule, now=NOW, author=author)
    return rule


def made(**fields: Any) -> Rule:
    group = fields.pop("group", None) or RuleGroupFactory.create()
    return save(Rule(group=group, **{"name": "HighLoad", "expr": "load > 1", **fields}))


def history_of(row: Rule | RuleGroup) -> str:
    kind = "rule" if isinstance(row, Rule) else "rulegroup"
    return f"/admin/alerts/{kind}/{row.pk}/history/"


def revision(number: int) -> str:
    """Return the address of the n-th revision, the oldest first."""
    pk = RuleRevision.objects.order_by("pk").values_list("pk", flat=True)[number]
    return f"{ALL}{pk}/"


def test_a_rules_history_shows_what_was_changed_word_by_word(operator: Client) -> None:
    rule = made(labels={"team": "infra"})
    save(rule, expr="load > 5", labels={"zone": "<a>"}, hold_ms=300_000)

    page = operator.get(history_of(rule)).content.decode()

    assert "load &gt; <del>1</del>" in page
    assert "load &gt; <ins>5</ins>" in page
    assert "<ins>5m</ins>" in page
    assert "label zone" in page
    assert "&lt;" in page
    assert "<a>" not in page
    assert "<b>ann</b>" in page
    assert operator.get(rule.get_absolute_url()).content.decode().count(history_of(rule)) == 1


def test_a_groups_history_has_that_of_its_rules(operator: Client) -> None:
    group = RuleGroup(name="web")
    changes.save_group(group, now=NOW, author=ANN)
    rule = made(group=group, name="Slow")
    group.interval_ms = 60_000
    changes.save_group(group, now=NOW, author=Author(by="bob", via="import of web.yml"))

    page = operator.get(history_of(group)).content.decode()

    assert "<ins>1m</ins>" in page
    assert "import of web.yml" in page
    assert f'href="{history_of(rule)}">Slow</a>' in page


def test_what_was_never_changed_has_an_empty_history(operator: Client) -> None:
    page = operator.get(history_of(RuleFactory.create())).content.decode()

    assert "No changes yet" in page


def test_a_revision_is_shown_line_by_line_and_beside_what_there_is_now(operator: Client) -> None:
    rule = made(annotations={"summary": "one\ntwo"})
    save(rule, expr="load > 5")
    save(rule, expr="load > 7")

    changed = operator.get(f"{revision(1)}change/").content.decode()
    with_now = operator.get(f"{revision(0)}change/?with=now").content.decode()

    assert '<span class="portal-line-gone">expr: load &gt; 1' in changed
    assert '<span class="portal-line-new">expr: load &gt; 5' in changed
    assert '<span class="portal-line-same">  summary: |-' in changed
    assert "load &gt; <ins>7</ins>" in with_now


def test_a_rule_is_reverted_once_that_is_confirmed(operator: Client) -> None:
    rule = made()
    save(rule, expr="load > 5")

    asked = operator.get(f"{revision(0)}revert/").content.decode()
    unchanged = Rule.objects.get().expr
    response = operator.post(f"{revision(0)}revert/")

    assert "load &gt; <ins>1</ins>" in asked
    assert unchanged == "load > 5"
    assert response.headers["Location"] == rule.get_absolute_url()
    assert Rule.objects.get().expr == "load > 1"
    last = RuleRevision.objects.order_by("pk").last()
    assert last is not None
    assert (last.by, last.via) == ("operator", f"revert to revision {last.pk - 2}")


def test_a_deleted_rule_is_found_and_restored(operator: Client) -> None:
    rule = made()
    rule_id = rule.pk
    changes.delete_rules(Rule.objects.all(), now=NOW, author=ANN)

    found = operator.get(ALL, {"action__exact": "deleted"}).context["cl"].result_list
    history = operator.get(f"/admin/alerts/rule/{rule_id}/history/").content.decode()
    page = operator.get(f"{revision(1)}change/").content.decode()
    operator.post(f"{revision(1)}revert/")

    assert [each.name for each in found] == ["HighLoad"]
    assert "This rule is deleted." in history
    assert "Restore this" in page
    assert "as it was deleted" in page
    assert Rule.objects.get().pk == rule_id


def test_a_deleted_group_is_restored_with_its_rules(operator: Client) -> None:
    group = RuleGroup(name="web")
    changes.save_group(group, now=NOW)
    made(group=group, name="A")
    made(group=group, name="B")
    changes.delete_groups(RuleGroup.objects.filter(pk=group.pk), now=NOW)
    number = RuleRevision.objects.filter(subject="group").latest("pk").pk

    asked = operator.get(f"{ALL}{number}/revert/").content.decode()
    operator.post(f"{ALL}{number}/revert/")

    assert "The rules that were deleted with it come back as well." in asked
    assert list(Rule.objects.values_list("name", flat=True)) == ["A", "B"]


def test_reverting_what_a_file_provides_is_refused_with_the_reason(operator: Client) -> None:
    rule = made()
    save(rule, expr="load > 5")
    RuleGroup.objects.update(is_provisioned=True, file="node.yml")

    asked = operator.get(f"{revision(0)}revert/").content.decode()
    after = operator.post(f"{revision(0)}revert/", follow=True).content.decode()

    assert "node.yml in the watched folder" in asked
    assert 'type="submit">' not in asked.partition('class="portal-history-links')[2]
    assert "Not reverted" in after
    assert Rule.objects.get().expr == "load > 5"


def test_a_revert_to_what_there_is_says_so(operator: Client) -> None:
    made()

    page = operator.get(f"{revision(0)}change/").content.decode()

    assert "The rule is already what it was then." in page


def test_a_viewer_reads_the_history_but_reverts_nothing() -> None:
    viewer = signed_in(VIEWER)
    rule = made()
    save(rule, expr="load > 5")

    history = viewer.get(history_of(rule))

    assert history.status_code == 200
    assert "Revert" not in history.content.decode()
    assert viewer.get(f"{revision(0)}revert/").status_code == 403
    assert viewer.post(f"{revision(0)}revert/").status_code == 403
    assert viewer.get(f"{revision(0)}change/").status_code == 200


@pytest.mark.parametrize("path", ["rule/99/history/", "rulegroup/99/history/", "rule/x/history/", "rulerevision/99/revert/"])  # fmt: skip
def test_a_history_of_nothing_is_not_found(operator: Client, path: str) -> None:
    assert operator.get(f"/admin/alerts/{path}").status_code == 404


def test_all_changes_are_listed_and_searched(operator: Client) -> None:
    save(made(name="Slow"), expr="x", hold_ms=5_000, severity="error", labels={"a": "b"}, annotations={"c": "d"})  # fmt: skip
    made(name="Other")

    found = operator.get(ALL, {"q": "slow"}).context["cl"].result_list
    page = operator.get(ALL).content.decode()

    assert [each.action for each in found] == ["changed", "created"]
    assert "expr, for, severity, label a and 1 more" in page


def test_an_empty_history_says_what_it_is_for(operator: Client) -> None:
    assert "Nothing was changed yet" in operator.get(ALL).content.decode()


def test_histories_come_in_pages_of_few_statements(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    rule = made()
    for number in range(25):
        save(rule, expr=f"load > {number + 2}")

    with django_assert_max_num_queries(14):
        first = operator.get(history_of(rule)).content.decode()
    second = operator.get(history_of(rule), {"page": "2"}).content.decode()
    with django_assert_max_num_queries(14):
        operator.get(ALL)

    assert (first.count('portal-revision"'), second.count('portal-revision"')) == (20, 6)
    assert "?page=2" in first


def test_old_revisions_are_deleted_but_for_the_newest_of_what_there_is() -> None:
    rule = made()
    save(rule, expr="load > 5")
    made(name="Gone")
    changes.delete_rules(Rule.objects.filter(name="Gone"), now=NOW)

    kept = delete_old_revisions(now=NOW + REVISIONS_KEPT_FOR)
    deleted = delete_old_revisions(now=NOW + REVISIONS_KEPT_FOR + timedelta(seconds=1))

    assert (kept, deleted) == (0, 3)
    assert [each.definition["expr"] for each in RuleRevision.objects.all()] == ["load > 5"]
