from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from alerts.models import Rule, RuleGroup, RuleRevision, WatchedRuleFile
from observability.access.roles import OPERATOR, VIEWER
from tests.access.cast import signed_in
from tests.alerts.factories import NOW, RuleFactory, RuleGroupFactory

pytestmark = pytest.mark.django_db

IMPORT = "/admin/alerts/rule-files/import/"
EXPORT = "/admin/alerts/rule-files/export/"
GROUPS = "/admin/alerts/rulegroup/"
FILES = "/admin/alerts/watchedrulefile/"
RULES = (
    "groups:\n- name: node\n  interval: 15s\n  rules:\n"
    "  - alert: Down\n    expr: up == 0\n    for: 5m\n"
)


@pytest.fixture
def operator() -> Client:
    return signed_in(OPERATOR)


def preview(client: Client, **fields: Any) -> Any:
    response = client.post(IMPORT, {"text": RULES, "name": "node.yml", **fields})
    assert response.status_code == 200
    return response


def confirm(client: Client, response: Any, **fields: Any) -> Any:
    values = response.context["values"]
    given = {name: values[name] for name in ("text", "name")}
    pruned = {"prune": "on"} if values["prune"] else {}
    fingerprint = response.context["fingerprint"]
    return client.post(
        IMPORT, {**given, **pruned, "fingerprint": fingerprint, "confirm": "1", **fields}
    )


def test_an_upload_is_shown_before_it_changes_anything(operator: Client) -> None:
    upload = SimpleUploadedFile("node.yml", RULES.encode())

    response = operator.post(IMPORT, {"upload": upload})

    page = response.content.decode()
    assert "1 group added; 1 rule added" in page
    assert "node.yml" in page
    assert "there is no metric up" in page.replace("There", "there")
    assert not RuleGroup.objects.exists()


def test_a_confirmed_import_makes_the_groups(operator: Client) -> None:
    response = confirm(operator, preview(operator))

    assert response.status_code == 302
    assert response["Location"] == f"{GROUPS}?q=node.yml"
    assert RuleGroup.objects.get().file == "node.yml"
    assert set(RuleRevision.objects.values_list("via", flat=True)) == {"import of node.yml"}
    assert "1 group added; 1 rule added." in operator.get(response["Location"]).content.decode()


def test_what_changes_in_a_rule_is_shown_line_by_line(operator: Client) -> None:
    confirm(operator, preview(operator))

    page = preview(operator, text=RULES.replace("5m", "10m")).content.decode()

    assert '<span class="portal-line-gone">for: 5m</span>' in page
    assert '<span class="portal-line-new">for: 10m</span>' in page


def test_line_breaks_of_browsers_change_nothing(operator: Client) -> None:
    confirm(operator, preview(operator))

    page = preview(operator, text=RULES.replace("\n", "\r\n")).content.decode()

    assert "Everything is as the file says already" in page


def test_a_preview_that_is_no_longer_true_is_shown_again(operator: Client) -> None:
    shown = preview(operator)
    RuleGroupFactory.create(name="node", file="node.yml")

    response = confirm(operator, shown)

    assert response.status_code == 200
    assert "have changed meanwhile" in response.content.decode()
    assert not Rule.objects.exists()


def test_a_wrong_file_is_told_and_can_be_mended_at_once(operator: Client) -> None:
    response = preview(operator, text=RULES.replace("up == 0", "up =="))

    page = response.content.decode()
    assert "6:11: group" in page
    assert "unexpected end of input" in page
    assert "expr: up ==" in page


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({}, "Choose a file, or paste its text.", id="nothing"),
        pytest.param(
            {"upload": SimpleUploadedFile("a.yml", b"\xff")},
            "This file is not in UTF-8.",
            id="another encoding",
        ),
    ],
)
def test_what_is_no_text_is_refused(operator: Client, fields: dict[str, Any], message: str) -> None:
    response = operator.post(IMPORT, fields)

    assert message in response.content.decode()


def test_the_text_of_a_watched_file_comes_back_as_a_download(operator: Client) -> None:
    RuleFactory.create(
        group=RuleGroupFactory.create(name="node", file="node.yml", is_provisioned=True),
        name="Down",
        expr="up == 0",
    )

    asked = operator.get(IMPORT, {"file": "node.yml"}).content.decode()
    shown = preview(operator)
    refused = confirm(operator, shown)
    response = operator.post(IMPORT, {"text": RULES, "name": "node.yml", "download": "1"})

    assert "alert: Down" in asked
    assert "Download the file" in shown.content.decode()
    assert refused.status_code == 200
    assert Rule.objects.get().hold_ms == 0
    assert response.content.decode() == RULES
    assert response["Content-Disposition"] == 'attachment; filename="node.yml"'


def test_a_provisioned_group_offers_what_can_be_done(operator: Client) -> None:
    group = RuleGroupFactory.create(name="node", file="node.yml", is_provisioned=True)
    rule = RuleFactory.create(group=group)

    for page in (f"{GROUPS}{group.pk}/change/", f"/admin/alerts/rule/{rule.pk}/change/"):
        text = operator.get(page).content.decode()

        assert f"{IMPORT}?file=node.yml" in text
        assert f"/admin/alerts/rule-files/copy/{group.pk}/" in text


def test_a_copy_is_a_disabled_group_of_the_portal(operator: Client) -> None:
    group = RuleGroupFactory.create(name="node", file="node.yml", is_provisioned=True)
    RuleFactory.create(group=group, name="Down")

    response = operator.post(f"/admin/alerts/rule-files/copy/{group.pk}/")
    operator.post(f"/admin/alerts/rule-files/copy/{group.pk}/")

    copy = RuleGroup.objects.get(name="node (copy)")
    assert response["Location"] == copy.get_absolute_url()
    assert (copy.file, copy.is_provisioned, copy.enabled) == ("", False, False)
    assert copy.rules.get().name == "Down"
    assert RuleGroup.objects.filter(name="node (copy 2)").exists()


def test_selected_groups_are_exported_for_a_version(operator: Client) -> None:
    group = RuleGroupFactory.create(name="a", labels={"team": "x"})
    RuleFactory.create(group=group, severity="", on_no_data="resolve")
    RuleGroupFactory.create(name="b")

    led = operator.post(GROUPS, {"action": "export_selected", "_selected_action": [group.pk]})
    page = operator.get(led["Location"])
    response = operator.get(f"{led['Location']}&download=1&target=2.42")

    assert page.context["chosen"] == [group]
    assert response["Content-Disposition"] == 'attachment; filename="rules.yml"'
    assert response.content.decode() == (
        "groups:\n- name: a\n  interval: 15s\n  rules:\n"
        "  - alert: HighLoad\n    expr: load > 1\n    labels:\n      team: x\n"
    )


def test_groups_of_one_file_are_exported_under_its_name(operator: Client) -> None:
    RuleGroupFactory.create(name="a")
    RuleGroupFactory.create(name="a", file="f.yml")

    refused = operator.get(EXPORT, {"download": "1"})
    own = operator.get(EXPORT, {"download": "1", "file": "-"})
    response = operator.get(EXPORT, {"download": "1", "file": "f.yml"})

    assert "Several groups are called" in refused.content.decode()
    assert own["Content-Disposition"] == 'attachment; filename="rules.yml"'
    assert response["Content-Disposition"] == 'attachment; filename="f.yml"'


def test_a_wrong_version_is_told(operator: Client) -> None:
    page = operator.get(EXPORT, {"download": "1", "target": "latest"}).content.decode()

    assert "such as 2.42" in page


def test_an_empty_list_of_rule_files_names_the_folder(operator: Client) -> None:
    page = operator.get(FILES).content.decode()

    assert f"Rule files in {settings.RULES_DIR} are in force" in page


def test_rule_files_are_listed_with_what_is_wrong(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        RuleGroupFactory.create(name=f"g{number}", file="good.yml", is_provisioned=True)
        WatchedRuleFile.objects.create(name=f"more-{number}.yml", read_at=NOW, applied_at=NOW)
    WatchedRuleFile.objects.create(name="good.yml", read_at=NOW, applied_at=NOW)
    wrong = WatchedRuleFile.objects.create(name="bad.yml", read_at=NOW, error="bad.yml: 1:1: no")

    with django_assert_max_num_queries(12):
        page = operator.get(FILES).content.decode()

    assert "in force" in page
    assert f'{GROUPS}?q=good.yml">5</a>' in page
    assert "bad.yml: 1:1: no" in operator.get(f"{FILES}{wrong.pk}/change/").content.decode()


def test_viewers_export_and_do_not_import() -> None:
    viewer = signed_in(VIEWER)

    assert viewer.get(EXPORT).status_code == 200
    assert viewer.get(IMPORT).status_code == 403
    assert viewer.get(FILES).status_code == 200
