"""Copies of groups, for those who want to change what a file of the watched folder says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import count

from alerts.models import Rule, RuleGroup
from alerts.rules import changes
from alerts.rules.files.portal_limits import MAX_NAME_LENGTH
from alerts.rules.group_writes import GroupWrite
from alerts.rules.importing.rows import file_group, put_group, put_rule, with_rules
from alerts.rules.revisions import Author


def copy_group(group_id: int, *, now: datetime, author: Author) -> RuleGroup:
    """Make a group of the portal's own with the rules of another, and return it.

    It is disabled: enabled beside the other, both would raise the same alerts.

    Raises:
        RuleGroup.DoesNotExist: There is no such group.
    """
    original = with_rules(RuleGroup.objects.all()).get(pk=group_id)
    copied = replace(file_group(original), name=_free_name(original.name), enabled=False)
    group = put_group(RuleGroup(), copied)
    rules = [put_rule(Rule(position=place), rule) for place, rule in enumerate(copied.rules)]
    via = f"copy of {original.file}/{original.name}" if original.file else f"copy of {original}"
    changes.write_groups(
        [GroupWrite(group=group, saves_group=True, rules=rules)],
        now=now,
        author=Author(by=author.by, via=via[:200]),
    )
    return group


def _free_name(name: str) -> str:
    taken = frozenset(RuleGroup.objects.filter(file="").values_list("name", flat=True))
    endings = (" (copy)" if number == 1 else f" (copy {number})" for number in count(1))
    names = (name[: MAX_NAME_LENGTH - len(ending)] + ending for ending in endings)
    return next(candidate for candidate in names if candidate not in taken)
