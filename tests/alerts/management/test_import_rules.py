from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from alerts.models import Alert, Otherwise, Rule, RuleGroup, RuleKind, RuleRevision
from alerts.rules import changes
from tests.alerts.factories import AlertFactory

pytestmark = pytest.mark.django_db

RULES = """
groups:
  - name: node
    interval: 30s
    labels: {team: infra}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: Down
        expr: up == 0
        for: 5m
        labels: {severity: critical, area: net}
        annotations: {summary: "{{ $labels.instance }} is down"}
      - alert: Slow
        expr: latency > 1
        labels: {severity: page}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "node.yml"
    path.write_text(RULES, encoding="utf-8")
    return path


def import_rules(*arguments: object, **options: object) -> str:
    out = io.StringIO()
    call_command("import_rules", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_groups_and_rules_are_made_as_the_file_says(file: Path) -> None:
    import_rules(file)

    group = RuleGroup.objects.get()
    assert (group.file, group.name, group.interval_ms) == ("node.yml", "node", 30_000)
    assert (group.labels, group.is_provisioned) == ({"team": "infra"}, False)
    recording, down, slow = group.rules.order_by("position")
    assert (recording.kind, recording.name) == (RuleKind.RECORDING, "job:up:sum")
    assert (down.kind, down.hold_ms, down.severity) == (RuleKind.ALERTING, 300_000, "critical")
    assert down.labels == {"area": "net"}
    assert (slow.severity, slow.labels) == ("", {"severity": "page"})


def test_rules_of_prometheus_resolve_without_data_as_they_do_there(file: Path) -> None:
    import_rules(file)

    assert set(Rule.objects.values_list("on_no_data", "on_error")) == {
        (Otherwise.RESOLVE, Otherwise.KEEP)
    }


def test_our_own_keys_are_read(file: Path) -> None:
    edit(file, "for: 5m", "for: 5m\n        on_no_data: fire\n        resolve_expr: up == 1")
    edit(file, "interval: 30s", "interval: 30s\n    owner: ops\n    enabled: false")

    import_rules(file)

    down = Rule.objects.get(name="Down")
    assert (down.on_no_data, down.resolve_expr) == (Otherwise.FIRE, "up == 1")
    assert (down.group.owner, down.group.enabled) == ("ops", False)


def test_an_edited_rule_keeps_its_row_and_its_alerts(file: Path) -> None:
    import_rules(file)
    down = Rule.objects.get(name="Down")
    alert = AlertFactory.create(rule=down)
    edit(file, "up == 0", "up < 1")
    edit(file, "      - record: job:up:sum\n        expr: sum by (job) (up)\n", "")

    shown = import_rules(file)

    after = Rule.objects.get(name="Down")
    assert (after.pk, after.expr, after.position) == (down.pk, "up < 1", 0)
    assert Alert.objects.get().pk == alert.pk
    assert Alert.objects.get().state == "firing"
    assert "    rule Down: changed\n" in shown
    assert "-expr: up == 0\n" in shown
    assert "    rule job:up:sum: removed\n" in shown
    assert "Changed: 1 group changed; 1 rule changed, 1 rule removed, 1 rule unchanged." in shown


def test_a_removed_rule_resolves_its_alerts(file: Path) -> None:
    import_rules(file)
    AlertFactory.create(rule=Rule.objects.get(name="Slow"))
    edit(
        file,
        "      - alert: Slow\n        expr: latency > 1\n        labels: {severity: page}\n",
        "",
    )

    import_rules(file)

    assert Alert.objects.get().state == "resolved"


def test_importing_the_same_again_writes_nothing(file: Path) -> None:
    import_rules(file)
    before = list(RuleGroup.objects.values()), list(Rule.objects.values())
    revisions = RuleRevision.objects.count()

    shown = import_rules(file)

    assert (list(RuleGroup.objects.values()), list(Rule.objects.values())) == before
    assert RuleRevision.objects.count() == revisions
    assert "Nothing to change." in shown


def test_history_tells_the_file(file: Path) -> None:
    import_rules(file)

    assert set(RuleRevision.objects.values_list("via", "action")) == {
        ("import of node.yml", "created")
    }
    assert RuleRevision.objects.count() == 4


def test_a_rule_put_first_is_no_change_of_the_others(file: Path) -> None:
    import_rules(file)
    edit(file, "      - record", "      - {alert: First, expr: up}\n      - record")

    import_rules(file)

    names = Rule.objects.order_by("position").values_list("name", flat=True)
    assert list(names) == ["First", "job:up:sum", "Down", "Slow"]
    assert RuleRevision.objects.filter(name="Down").count() == 1


def test_a_dry_run_changes_nothing(file: Path) -> None:
    shown = import_rules(file, "--dry-run")

    assert not RuleGroup.objects.exists()
    assert "  group node: added, 3 rules\n" in shown
    assert "Would change: 1 group added; 3 rules added." in shown


@pytest.mark.parametrize(("prune", "left"), [(False, 2), (True, 1)])
def test_groups_that_left_the_file_go_with_prune_only(file: Path, prune: bool, left: int) -> None:
    edit(file, "groups:", "groups:\n  - {name: other, rules: [{alert: A, expr: up}]}")
    import_rules(file)
    file.write_text(RULES, encoding="utf-8")

    import_rules(file, prune=prune)

    assert RuleGroup.objects.count() == left


def test_groups_of_other_files_and_of_the_portal_stay(file: Path) -> None:
    changes.save_group(RuleGroup(name="node"), now=timezone.now())

    import_rules(file, "--prune")

    assert list(RuleGroup.objects.order_by("file").values_list("file", "name")) == [
        ("", "node"),
        ("node.yml", "node"),
    ]


def test_a_file_can_become_groups_of_the_portal(file: Path) -> None:
    import_rules(file, "--as", "")

    assert RuleGroup.objects.get().file == ""


def test_wrong_files_are_refused_as_a_whole(file: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up ==}\n", encoding="utf-8"
    )

    with pytest.raises(CommandError) as caught:
        import_rules(file, wrong)

    assert str(caught.value) == (
        f'{wrong}: 4:22: group "g", rule 1, "A": could not parse expression: '
        "1:6: parse error: unexpected end of input"
    )
    assert not RuleGroup.objects.exists()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param(
            "30s", "500ms", "expected an interval from 1s to 1d, got 500ms", id="interval"
        ),
        pytest.param("Down", "D" * 201, "a name has at most 200 characters", id="name"),
        pytest.param('"{{ $labels.instance }} is down"', '"a\\0"', "cannot be stored", id="NUL"),
    ],
)
def test_what_the_portal_cannot_keep_is_told(
    file: Path, before: str, after: str, message: str
) -> None:
    edit(file, before, after)

    with pytest.raises(CommandError, match=message):
        import_rules(file)


def test_groups_of_the_watched_folder_are_left_to_it(file: Path) -> None:
    import_rules(file)
    RuleGroup.objects.update(is_provisioned=True)

    with pytest.raises(CommandError, match="come from the watched folder"):
        import_rules(file)


def test_two_files_of_one_name_cannot_be_told_apart(file: Path, tmp_path: Path) -> None:
    second = tmp_path / "more" / "node.yml"
    second.parent.mkdir()
    second.write_text(RULES, encoding="utf-8")

    with pytest.raises(CommandError, match=r"a second file of the name 'node\.yml'"):
        import_rules(file, second)


def test_many_rules_take_as_many_statements_as_few(
    file: Path, django_assert_max_num_queries: object
) -> None:
    rules = "".join(f"  - {{alert: A{n}, expr: up == {n}}}\n" for n in range(300))
    file.write_text(f"groups:\n- name: g\n  rules:\n{rules}", encoding="utf-8")

    with django_assert_max_num_queries(30):  # type: ignore[operator] # a fixture of pytest-django
        import_rules(file)
    file.write_text(file.read_text(encoding="utf-8").replace("up ==", "up !="), encoding="utf-8")
    with django_assert_max_num_queries(30):  # type: ignore[operator] # a fixture of pytest-django
        import_rules(file)

    assert Rule.objects.filter(expr__startswith="up !=").count() == 300
