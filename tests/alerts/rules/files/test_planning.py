from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.files.planning import GroupPlan, Step, plan_groups


def group(*rules: FileRule, name: str = "g") -> FileGroup:
    return FileGroup(name=name, rules=rules)


def rule(name: str, expr: str = "up == 0", **labels: str) -> FileRule:
    return FileRule(alert=name, expr=expr, labels=labels)


def plan(before: FileGroup, after: FileGroup) -> GroupPlan:
    (planned,) = plan_groups({before.name: before}, [after], prune=False)
    return planned


def steps(planned: GroupPlan) -> list[tuple[str, str, int | None]]:
    return [(one.name, str(one.step), one.old_place) for one in planned.rules]


def test_a_group_that_says_the_same_is_unchanged() -> None:
    planned = plan(group(rule("A"), rule("B")), group(rule("A"), rule("B")))

    assert planned.step is Step.UNCHANGED
    assert planned.diff == ()


def test_an_edited_rule_stays_the_same_rule() -> None:
    planned = plan(group(rule("A"), rule("B")), group(rule("A"), rule("B", "up == 1")))

    assert steps(planned) == [("A", "unchanged", 0), ("B", "changed", 1)]
    assert planned.rules[1].diff == [" alert: B", "-expr: up == 0", "+expr: up == 1"]


def test_a_rule_put_before_others_moves_none_of_them() -> None:
    planned = plan(group(rule("A"), rule("B")), group(rule("N"), rule("A"), rule("B")))

    assert steps(planned) == [("N", "added", None), ("A", "unchanged", 0), ("B", "unchanged", 1)]


def test_as_few_rules_as_possible_have_moved() -> None:
    planned = plan(group(rule("A"), rule("B"), rule("C")), group(rule("C"), rule("A"), rule("B")))

    assert steps(planned) == [("C", "moved", 2), ("A", "unchanged", 0), ("B", "unchanged", 1)]


def test_of_rules_with_one_name_those_that_are_equal_belong_together() -> None:
    warning, critical = (
        rule("A", "x > 1", severity="warning"),
        rule("A", "x > 2", severity="critical"),
    )

    planned = plan(group(warning, critical), group(critical))

    assert steps(planned) == [("A", "unchanged", 1), ("A", "removed", 0)]


def test_of_rules_with_one_name_those_with_the_same_labels_come_next() -> None:
    before = group(rule("A", "x > 1", severity="warning"), rule("A", "x > 2", severity="critical"))

    planned = plan(before, group(rule("A", "x > 3", severity="critical")))

    assert steps(planned) == [("A", "changed", 1), ("A", "removed", 0)]


def test_a_recording_rule_never_becomes_an_alerting_one() -> None:
    planned = plan(group(FileRule(record="a", expr="up")), group(rule("a", "up")))

    assert [str(one.step) for one in planned.rules] == ["added", "removed"]


def test_settings_of_a_group_are_compared_as_well() -> None:
    planned = plan(FileGroup(name="g", interval_ms=15_000), FileGroup(name="g", interval_ms=60_000))

    assert planned.step is Step.CHANGED
    assert planned.diff == [" name: g", "-interval: 15s", "+interval: 1m"]


@pytest.mark.parametrize(("prune", "step"), [(False, Step.KEPT), (True, Step.REMOVED)])
def test_groups_that_are_not_in_the_file_go_only_when_asked(prune: bool, step: Step) -> None:
    planned = plan_groups({"g": group(rule("A"))}, [], prune=prune)

    assert [one.step for one in planned] == [step]


_rules = st.lists(
    st.builds(rule, st.sampled_from("AB"), st.sampled_from(["x", "y"]), s=st.sampled_from("12")),
    max_size=6,
)


@given(_rules, _rules)
def test_every_rule_has_one_place_before_and_after(
    before: Sequence[FileRule], after: Sequence[FileRule]
) -> None:
    planned = plan(group(*before), group(*after))

    new = [one.new_place for one in planned.rules if one.new_place is not None]
    old = [one.old_place for one in planned.rules if one.old_place is not None]
    assert new == list(range(len(after)))
    assert sorted(old) == list(range(len(before)))
    assert (planned.step is Step.UNCHANGED) == (list(before) == list(after))
