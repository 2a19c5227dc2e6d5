from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from alerts.models import RuleGroup
from alerts.rules.exporting import export_groups
from alerts.rules.files.definitions import FileGroup, RuleFile
from alerts.rules.files.reading import checked_rules
from alerts.rules.importing.imports import apply_import
from alerts.rules.importing.rows import as_kept
from tests.alerts.factories import NOW, RuleFactory, RuleGroupFactory
from tests.alerts.rules.files import strategies

RULES = """\
groups:
- name: node
  interval: 30s
  limit: 10
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: Down
    expr: |
      up
        == 0
    for: 5m
    labels:
      severity: critical
    annotations:
      summary: '{{ $labels.instance }}: down'
"""


def export_rules(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("export_rules", *arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_what_was_imported_is_exported_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "node.yml"
    file.write_text(RULES, encoding="utf-8")
    call_command("import_rules", str(file), stdout=io.StringIO())

    out, err = export_rules()

    assert out == RULES
    assert err == ""


@pytest.mark.django_db
def test_a_target_leaves_out_what_it_does_not_know_and_says_so() -> None:
    RuleFactory.create(group__name="g", keep_firing_ms=60_000, resolve_expr="load < 1", severity="")

    full, _ = export_rules()
    old, warnings = export_rules("--target", "2.41")

    assert "keep_firing_for: 1m" in full
    assert "resolve_expr: load < 1" in full
    assert old == (
        "groups:\n- name: g\n  interval: 15s\n  rules:\n  - alert: HighLoad\n    expr: load > 1\n"
    )
    assert warnings.splitlines() == [
        "warning: keep_firing_for left out, which Prometheus 2.41 does not know: g/HighLoad",
        "warning: resolve_expr left out, which is the portal's own: g/HighLoad",
        "warning: on_no_data left out, as Prometheus resolves alerts without data: g/HighLoad",
    ]


@pytest.mark.django_db
def test_groups_of_one_name_need_a_file() -> None:
    for file in ("a.yml", "b.yml"):
        RuleGroupFactory.create(name="node", file=file)

    with pytest.raises(CommandError, match=r"'node', of the files a.yml, b.yml.*--file"):
        export_rules()
    out, _ = export_rules("--file", "b.yml")

    assert out == "groups:\n- name: node\n  interval: 15s\n  rules: []\n"


@pytest.mark.django_db
def test_one_group_can_be_chosen() -> None:
    RuleGroupFactory.create(name="a")
    RuleGroupFactory.create(name="b")

    out, _ = export_rules("--group", "b")

    assert out == "groups:\n- name: b\n  interval: 15s\n  rules: []\n"


@pytest.mark.django_db
def test_a_group_that_is_not_there_is_an_error() -> None:
    with pytest.raises(CommandError, match=r"no rule group of file 'x\.yml' and name 'y'"):
        export_rules("--file", "x.yml", "--group", "y")


def test_a_wrong_target_is_refused() -> None:
    with pytest.raises(CommandError, match=r"such as 2\.42"):
        export_rules("--target", "latest")


@pytest.mark.django_db
def test_all_groups_take_as_many_statements_as_one(django_assert_num_queries: object) -> None:
    for _ in range(3):
        RuleFactory.create()

    with django_assert_num_queries(2):  # type: ignore[operator] # a fixture of pytest-django
        export_rules()


class RoundTrips(TestCase):
    """Groups through the database."""

    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(strategies.groups, max_size=2, unique_by=lambda group: group.name))
    def test_groups_that_the_portal_can_keep_come_back_as_they_were(
        self, groups: Sequence[FileGroup]
    ) -> None:
        rule_file = RuleFile(groups)
        apply_import({"f.yml": rule_file}, now=NOW)

        text = export_groups(RuleGroup.objects.all()).text

        assert list(checked_rules(text, "").groups) == [as_kept(group) for group in groups]
        assert apply_import({"f.yml": checked_rules(text, "")}, now=NOW).is_empty
