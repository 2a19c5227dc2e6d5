from __future__ import annotations

import io
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from alerts import tasks
from alerts.models import Alert, Rule, RuleGroup, RuleRevision, WatchedRuleFile
from alerts.rules.watched_folder import check_rule_files, take_up_changes
from observability.telemetry.health import Status
from tests.alerts.factories import NOW, AlertFactory

pytestmark = pytest.mark.django_db

RULES = "groups:\n- name: node\n  rules:\n  - {alert: Down, expr: up == 0, for: 5m}\n"
BROKEN = RULES.replace("up == 0", "up ==")


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    path = tmp_path / "rules"
    path.mkdir()
    settings.RULES_DIR = path
    return path


def write(folder: Path, text: str, *, name: str = "node.yml", at: datetime = NOW) -> Path:
    """Write a file that was last changed a minute before a time."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    changed_at = at.timestamp() - 60
    os.utime(path, (changed_at, changed_at))
    return path


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_groups_of_a_new_file_are_provisioned(folder: Path) -> None:
    write(folder, RULES)

    taken_up = take_up_changes(folder=folder, now=NOW)

    assert taken_up == ["node.yml"]
    group = RuleGroup.objects.get()
    assert (group.file, group.name, group.is_provisioned) == ("node.yml", "node", True)
    assert RuleRevision.objects.filter(via="rule file node.yml").count() == 2


def test_only_yaml_files_of_the_folder_itself_count(folder: Path) -> None:
    (folder / "more").mkdir()
    write(folder / "more", RULES)
    write(folder, RULES, name="notes.txt")
    write(folder, RULES, name=".hidden.yml")
    write(folder, RULES, name="b.yaml")

    assert take_up_changes(folder=folder, now=NOW) == ["b.yaml"]


def test_a_look_at_unchanged_files_costs_one_query(
    folder: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("a.yml", "b.yml", "c.yml"):
        write(folder, RULES, name=name)
    take_up_changes(folder=folder, now=NOW)

    with django_assert_num_queries(1):
        assert take_up_changes(folder=folder, now=later(1)) == []


def test_a_changed_file_changes_its_rules_in_place(folder: Path) -> None:
    write(folder, RULES)
    take_up_changes(folder=folder, now=NOW)
    before = Rule.objects.get()
    write(folder, RULES.replace("up == 0", "up < 1"), at=later(1))

    take_up_changes(folder=folder, now=later(1))

    after = Rule.objects.get()
    assert (after.pk, after.expr) == (before.pk, "up < 1")


def test_a_file_that_was_touched_alone_changes_nothing(folder: Path) -> None:
    write(folder, RULES)
    take_up_changes(folder=folder, now=NOW)
    write(folder, RULES, at=later(5))

    take_up_changes(folder=folder, now=later(5))

    assert WatchedRuleFile.objects.get().read_at == NOW
    assert RuleRevision.objects.count() == 2


def test_a_file_written_just_now_is_read_once_more(folder: Path) -> None:
    write(folder, RULES, at=NOW + timedelta(seconds=60))
    take_up_changes(folder=folder, now=NOW)
    same_time_and_size = RULES.replace("up == 0", "up == 9")
    write(folder, same_time_and_size, at=NOW + timedelta(seconds=60))

    take_up_changes(folder=folder, now=later(1))

    assert Rule.objects.get().expr == "up == 9"


def test_a_broken_file_keeps_the_old_rules_in_force_and_is_told(folder: Path) -> None:
    write(folder, RULES)
    take_up_changes(folder=folder, now=NOW)
    write(folder, BROKEN, at=later(1))

    take_up_changes(folder=folder, now=later(1))

    assert Rule.objects.get().expr == "up == 0"
    row = WatchedRuleFile.objects.get()
    assert row.error == (
        'node.yml: 4:25: group "node", rule 1, "Down": could not parse expression: '
        "1:6: parse error: unexpected end of input"
    )
    assert row.applied_at == NOW
    health = check_rule_files()
    assert health.status is Status.DEGRADED
    assert "node.yml" in health.message


def test_a_mended_file_is_in_force_again(folder: Path) -> None:
    write(folder, BROKEN)
    take_up_changes(folder=folder, now=NOW)
    write(folder, RULES, at=later(1))

    take_up_changes(folder=folder, now=later(1))

    assert RuleGroup.objects.count() == 1
    assert WatchedRuleFile.objects.get().error == ""
    assert check_rule_files().status is Status.OK


def test_a_removed_file_takes_its_groups_along(folder: Path) -> None:
    path = write(folder, RULES)
    take_up_changes(folder=folder, now=NOW)
    AlertFactory.create(rule=Rule.objects.get())
    path.unlink()

    take_up_changes(folder=folder, now=later(1))

    assert not RuleGroup.objects.exists()
    assert not WatchedRuleFile.objects.exists()
    assert Alert.objects.get().state == "resolved"


def test_a_folder_that_is_not_there_takes_nothing_away(folder: Path) -> None:
    path = write(folder, RULES)
    take_up_changes(folder=folder, now=NOW)
    path.unlink()
    folder.rmdir()

    take_up_changes(folder=folder, now=later(1))

    assert RuleGroup.objects.count() == 1
    assert "is not there" in check_rule_files().message


def test_a_file_that_was_imported_before_is_taken_over(folder: Path) -> None:
    path = write(folder, RULES)
    call_command("import_rules", str(path), stdout=io.StringIO())
    rule = Rule.objects.get()

    take_up_changes(folder=folder, now=NOW)

    assert RuleGroup.objects.get().is_provisioned
    assert Rule.objects.get().pk == rule.pk


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(b"\xff\xfe", "node.yml: not in UTF-8", id="another encoding"),
        pytest.param(b"groups: 3", "cannot unmarshal", id="another type"),
        pytest.param(b"groups:\n- {name: a, interval: 1ms}", "expected an interval", id="beyond"),
    ],
)
def test_what_is_wrong_with_one_file_leaves_others_alone(
    folder: Path, content: bytes, error: str
) -> None:
    write(folder, RULES, name="z.yml")
    (folder / "node.yml").write_bytes(content)

    take_up_changes(folder=folder, now=later(600_000))

    assert RuleGroup.objects.get().file == "z.yml"
    assert error in WatchedRuleFile.objects.get(name="node.yml").error


def test_beat_looks_at_the_folder_of_the_settings(folder: Path) -> None:
    write(folder, RULES)

    tasks.take_up_rule_files()

    assert RuleGroup.objects.get().is_provisioned


def test_health_has_a_check_of_rule_files(client: Client) -> None:
    assert "rule-files" in client.get("/health").json()["checks"]
