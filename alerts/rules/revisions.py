"""The history of rules and groups: what each change has made of them.

A definition is all that people decide about a rule or a group, as JSON; nothing of what
evaluation finds is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.models import RevisionAction, RevisionSubject, Rule, RuleGroup, RuleRevision

RULE_FIELDS = (
    "name",
    "kind",
    "expr",
    "form",
    "resolve_expr",
    "on_no_data",
    "on_error",
    "hold_ms",
    "keep_firing_ms",
    "severity",
    "labels",
    "annotations",
    "enabled",
    "position",
)
"""The fields that define a rule, besides its group."""

GROUP_FIELDS = (
    "name",
    "file",
    "owner",
    "interval_ms",
    "limit",
    "query_offset_ms",
    "labels",
    "enabled",
)
"""The fields that define a group, besides its rules."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and by which door.

    Attributes:
        by: A user's name, or that of an API key; '' for the portal itself.
        via: Such as `import of node.yml`; '' for the admin and the API.
    """

    by: str = ""
    via: str = ""


NOBODY = Author()


def rule_definition(rule: Rule) -> dict[str, Any]:
    """Return what people have decided about a rule, its group's name and file included."""
    definition = {name: getattr(rule, name) for name in RULE_FIELDS}
    return {**definition, "group": {"name": rule.group.name, "file": rule.group.file}}


def group_definition(group: RuleGroup) -> dict[str, Any]:
    """Return what people have decided about a group, without its rules."""
    return {name: getattr(group, name) for name in GROUP_FIELDS}


def definition_of(row: Rule | RuleGroup) -> dict[str, Any]:
    """Return the definition of either."""
    return rule_definition(row) if isinstance(row, Rule) else group_definition(row)


def note(
    rows: Iterable[Rule | RuleGroup],
    action: RevisionAction,
    *,
    author: Author,
    now: datetime,
    before: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Write a revision for each row, but for those whose definition is what it was `before`."""
    revisions = []
    for row in rows:
        definition = definition_of(row)
        if before is not None and before.get(row.pk) == definition:
            continue
        is_rule = isinstance(row, Rule)
        revisions.append(
            RuleRevision(
                subject=RevisionSubject.RULE if is_rule else RevisionSubject.GROUP,
                subject_id=row.pk,
                group_id=row.group_id if isinstance(row, Rule) else row.pk,
                name=row.name,
                action=action,
                at=now,
                by=author.by,
                via=author.via,
                definition=definition,
            )
        )
    RuleRevision.objects.bulk_create(revisions, batch_size=500)
