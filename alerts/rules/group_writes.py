"""What is written of a group and its rules at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.models import Rule, RuleGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWrite:
    """What a file makes of one group.

    Attributes:
        group: With its new values; without a key when it is new.
        saves_group: Whether the group's own values are new.
        rules: Those to write, new ones without a key.
        shifted: Those that only stand elsewhere because of others, which is no change of theirs.
        removed: Those to delete.
    """

    group: RuleGroup
    saves_group: bool
    rules: Sequence[Rule] = ()
    shifted: Sequence[Rule] = ()
    removed: Sequence[Rule] = ()
