"""What makes the groups that are there into those of a file: what is new, changed, moved or gone.

A rule stays the same rule when its kind and name do; of several of one name, equal ones belong
together first, then those with the same labels, then the others in their order. So what a rule
remembers, its alerts and since when they are pending, outlives an edit.
"""

from __future__ import annotations

import difflib
import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.files.writing import write_rule, write_settings

_COMPARED = tuple(field.name for field in fields(FileRule) if field.compare)


class Step(StrEnum):
    """What becomes of a group or a rule."""

    ADDED = "added"
    CHANGED = "changed"
    MOVED = "moved"
    REMOVED = "removed"
    KEPT = "kept"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlan:
    """What becomes of one rule.

    Attributes:
        step: Moved means that it stands elsewhere and says the same.
        before: What it says now; None when it is new.
        after: What it will say; None when it goes.
        old_place: Which of the group's rules it is now, from 0.
        new_place: Which it will be.
    """

    step: Step
    before: FileRule | None = None
    after: FileRule | None = None
    old_place: int | None = None
    new_place: int | None = None

    @property
    def name(self) -> str:
        """The rule's name."""
        return (self.after or self.before or FileRule()).name

    @property
    def diff(self) -> Sequence[str]:
        """The lines that go (`-`), come (`+`) and stay (` `), as the rule stands in a file."""
        return _diff(
            write_rule(self.before) if self.before else "",
            write_rule(self.after) if self.after else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """What becomes of one group.

    Attributes:
        step: Kept means that it is in no file and stays all the same.
        name: Its name.
        before: What it says now; None when it is new.
        after: What it will say; None when it goes.
        rules: Its rules: first those that will be there, in their order, then those that go.
    """

    step: Step
    name: str
    before: FileGroup | None = None
    after: FileGroup | None = None
    rules: Sequence[RulePlan] = ()

    @property
    def diff(self) -> Sequence[str]:
        """The lines of the group's own settings; empty when they stay."""
        if self.before is None or self.after is None or not self.changes_settings:
            return ()
        return _diff(write_settings(self.before), write_settings(self.after))

    @property
    def changes_settings(self) -> bool:
        """Whether the group itself says something else."""
        return settings_of(self.before) != settings_of(self.after)

    @property
    def changed_rules(self) -> Sequence[RulePlan]:
        """The rules that do not stay as they are."""
        return [rule for rule in self.rules if rule.step is not Step.UNCHANGED]


def plan_groups(
    before: Mapping[str, FileGroup], after: Sequence[FileGroup], *, prune: bool
) -> list[GroupPlan]:
    """Return what becomes of each group, those of the file first.

    Args:
        before: The groups that are there, by name, as they would stand in a file.
        after: The groups of the file.
        prune: Whether groups go that are not in the file.
    """
    plans = [_group_plan(before.get(group.name), group) for group in after]
    named = {group.name for group in after}
    step = Step.REMOVED if prune else Step.KEPT
    plans += [_leaving(group, step) for name, group in before.items() if name not in named]
    return plans


def settings_of(group: FileGroup | None) -> FileGroup | None:
    """Return a group without its rules."""
    return None if group is None else replace(group, rules=())


def _group_plan(before: FileGroup | None, after: FileGroup) -> GroupPlan:
    if before is None:
        rules = [
            RulePlan(step=Step.ADDED, after=rule, new_place=place)
            for place, rule in enumerate(after.rules)
        ]
        return GroupPlan(step=Step.ADDED, name=after.name, after=after, rules=rules)
    rules = _rule_plans(before.rules, after.rules)
    is_same = settings_of(before) == settings_of(after) and all(
        rule.step is Step.UNCHANGED for rule in rules
    )
    return GroupPlan(
        step=Step.UNCHANGED if is_same else Step.CHANGED,
        name=after.name,
        before=before,
        after=after,
        rules=rules,
    )


def _leaving(group: FileGroup, step: Step) -> GroupPlan:
    rule_step = Step.REMOVED if step is Step.REMOVED else Step.UNCHANGED
    rules = [
        RulePlan(step=rule_step, before=rule, old_place=place)
        for place, rule in enumerate(group.rules)
    ]
    return GroupPlan(step=step, name=group.name, before=group, rules=rules)


def _rule_plans(before: Sequence[FileRule], after: Sequence[FileRule]) -> list[RulePlan]:
    pairs = _pairs(before, after)
    staying = _longest_rising([pairs[place] for place in sorted(pairs)])
    plans = []
    for new_place, rule in enumerate(after):
        old_place = pairs.get(new_place)
        if old_place is None:
            plans.append(RulePlan(step=Step.ADDED, after=rule, new_place=new_place))
            continue
        if before[old_place] != rule:
            step = Step.CHANGED
        else:
            step = Step.UNCHANGED if old_place in staying else Step.MOVED
        plans.append(
            RulePlan(
                step=step,
                before=before[old_place],
                after=rule,
                old_place=old_place,
                new_place=new_place,
            )
        )
    kept = set(pairs.values())
    plans += [
        RulePlan(step=Step.REMOVED, before=rule, old_place=place)
        for place, rule in enumerate(before)
        if place not in kept
    ]
    return plans


def _pairs(before: Sequence[FileRule], after: Sequence[FileRule]) -> dict[int, int]:
    """Return for each place of `after` whose rule was there before its place in `before`."""
    pairs: dict[int, int] = {}
    for key in (_whole, _with_labels, _kind_and_name):
        taken = set(pairs.values())
        waiting: dict[Hashable, Iterator[int]] = {
            name: iter(places) for name, places in _places(before, key, without=taken).items()
        }
        for place, rule in enumerate(after):
            if (
                place not in pairs
                and (found := next(waiting.get(key(rule), iter(())), None)) is not None
            ):
                pairs[place] = found
    return pairs


def _places(
    rules: Sequence[FileRule], key: Callable[[FileRule], Hashable], *, without: set[int]
) -> dict[Hashable, list[int]]:
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, rule in enumerate(rules):
        if place not in without:
            places[key(rule)].append(place)
    return places


def _whole(rule: FileRule) -> Hashable:
    return json.dumps([getattr(rule, name) for name in _COMPARED], sort_keys=True)


def _with_labels(rule: FileRule) -> Hashable:
    return rule.record, rule.alert, tuple(sorted(rule.labels.items()))


def _kind_and_name(rule: FileRule) -> Hashable:
    return rule.record, rule.alert


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """Return the most of different numbers that stand in rising order."""
    ends: list[int] = []  # the smallest last number of a rising run of each length
    previous: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(ends, number)
        previous[number] = ends[length - 1] if length else None
        ends[length : length + 1] = [number]
    staying = set()
    number_or_none = ends[-1] if ends else None
    while number_or_none is not None:
        staying.add(number_or_none)
        number_or_none = previous[number_or_none]
    return staying


def _diff(before: str, after: str) -> list[str]:
    """Return all lines of both, marked."""
    marked = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[0] + line[2:] for line in marked if not line.startswith("?")]
