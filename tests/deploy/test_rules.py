"""The shipped rules: their own unit tests, and what every one of them must have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.urls import resolve

from alerts.models import Rule, RuleGroup, RuleHealth
from alerts.rules.evaluation import evaluate_due_groups
from alerts.rules.files.definitions import FileRule
from alerts.rules.files.reading import load_rule_file
from alerts.runbooks import FOLDER, runbook_names
from observability.embedded.locations import PROJECT_DIR
from observability.metrics.backend import get_backend
from observability.promql.durations import parse_duration_ms
from tests.alerts.factories import NOW

RULES = PROJECT_DIR / "deploy" / "prometheus" / "rules"
ALERTS = {"chocochoco": 13, "earntrack": 4, "chimera": 14, "arx": 3, "allin": 6}


def alerts_of(name: str) -> list[FileRule]:
    groups = load_rule_file(RULES / f"{name}.yml").groups
    return [rule for group in groups for rule in group.rules if rule.alert]


def alert_tests(path: Path) -> Iterator[tuple[str, list[Any]]]:
    """Yield each alert's name and what is expected of it, one after the other in a run."""
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
        checks = sorted(
            group["alert_rule_test"], key=lambda check: parse_duration_ms(check["eval_time"])
        )
        for name in {check["alertname"] for check in checks}:
            expected = [
                check.get("exp_alerts", []) for check in checks if check["alertname"] == name
            ]
            yield name, expected


def test_each_system_has_the_alerts_of_its_guide() -> None:
    shipped = {path.stem: len(alerts_of(path.stem)) for path in RULES.glob("*.yml")}

    assert shipped == ALERTS
    assert sum(shipped.values()) == 40


@pytest.mark.parametrize(
    "path", sorted((RULES / "tests").glob("*.yml")), ids=lambda path: path.stem
)
def test_unit_tests_pass(path: Path) -> None:
    out, err = StringIO(), StringIO()

    call_command("test_rules", str(path), stdout=out, stderr=err)

    assert (out.getvalue(), err.getvalue()) == (f"Unit Testing:  {path}\n  SUCCESS\n\n", "")


@pytest.mark.parametrize("name", ALERTS)
def test_unit_tests_wait_for_each_alert_to_fire_and_to_clear(name: str) -> None:
    paths = (RULES / "tests").glob(f"{name}*.yml")

    lives = {
        alert
        for path in paths
        for alert, (before, firing, after) in (
            (alert, expected) for alert, expected in alert_tests(path) if len(expected) == 3
        )
        if firing and not before and not after
    }

    assert lives == {rule.alert for rule in alerts_of(name)}


@pytest.mark.parametrize("name", ALERTS)
def test_alert_says_how_bad_it_is_and_what_to_do(name: str) -> None:
    for rule in alerts_of(name):
        assert rule.labels["severity"] in {"info", "warning", "error", "critical"}
        assert rule.labels["system"] == name
        assert set(rule.annotations) == {"summary", "description", "runbook_url"}
        assert rule.hold_ms >= 60_000


@pytest.mark.django_db
def test_portal_imports_and_evaluates_them_all() -> None:
    paths = [str(RULES / f"{name}.yml") for name in ALERTS]

    call_command("import_rules", *paths, stdout=StringIO())
    RuleGroup.objects.update(next_evaluation_at=NOW)
    evaluate_due_groups(backend=get_backend(), clock=lambda: NOW, budget_seconds=30)

    rules = Rule.objects.values_list("health", "last_error")
    assert (len(rules), set(rules)) == (40, {(RuleHealth.OK, "")})


@pytest.mark.django_db
def test_second_import_has_nothing_to_change() -> None:
    paths = [str(RULES / f"{name}.yml") for name in ALERTS]
    call_command("import_rules", *paths, stdout=StringIO())
    out = StringIO()

    call_command("import_rules", *paths, stdout=out)

    assert "Nothing to change." in out.getvalue()


def test_names_are_unique_within_a_system() -> None:
    for name in ALERTS:
        names = [rule.alert for rule in alerts_of(name)]

        assert len(set(names)) == len(names)


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    links = [rule.annotations["runbook_url"] for name in ALERTS for rule in alerts_of(name)]

    pages = [
        link.removeprefix("{{ $externalURL }}").strip("/").rpartition("/")[2] for link in links
    ]

    assert sorted(pages) == runbook_names()
    assert all(
        resolve(link.removeprefix("{{ $externalURL }}")).url_name == "alerts-runbook"
        for link in links
    )


@pytest.mark.parametrize("name", ALERTS)
def test_runbook_tells_the_severity_and_the_time_of_its_alert(name: str) -> None:
    for rule in alerts_of(name):
        page = rule.annotations["runbook_url"].strip("/").rpartition("/")[2]
        _, text, *_ = (FOLDER / f"{page}.md").read_text(encoding="utf-8").split("\n\n")

        assert f", for {_in_words(rule.hold_ms)}. Severity: {rule.labels['severity']}." in text


def _in_words(duration_ms: int) -> str:
    minutes = duration_ms // 60_000
    count, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


@pytest.mark.parametrize("name", ALERTS)
def test_documentation_lists_each_alert(name: str) -> None:
    text = (PROJECT_DIR / "docs" / "rules.md").read_text(encoding="utf-8")

    rows = re.findall(
        rf"^\| \[(\w+)\]\(runbooks/{name}-[a-z-]+\.md\) \|.*\| (\w+) \| `", text, re.M
    )

    assert rows == [(rule.alert, rule.labels["severity"]) for rule in alerts_of(name)]
