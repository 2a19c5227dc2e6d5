"""Makes rules and groups again what a revision says they were, deleted ones too.

A restored rule or group has its old id, and so its history goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from alerts.models import RevisionAction, RevisionSubject, Rule, RuleGroup, RuleRevision
from alerts.rules import changes
from alerts.rules.errors import ProvisionedError, RevertError
from alerts.rules.provisioned import refuse_provisioned
from alerts.rules.revisions import (
    GROUP_FIELDS,
    RULE_FIELDS,
    Author,
    group_definition,
    rule_definition,
)


@transaction.atomic
def revert(revision: RuleRevision, *, now: datetime, by: str) -> Rule | RuleGroup:
    """Make a rule or a group what it was after a revision, or before it if that was its deletion.

    A group that was deleted comes back with the rules that were deleted with it; a rule whose
    group is gone, with its group.

    Raises:
        RevertError: It is that already, or another group has the name by now.
        ProvisionedError: A file of the watched folder says what it is.
    """
    author = Author(by=by, via=f"revert to revision {revision.pk}")
    if revision.subject == RevisionSubject.GROUP:
        return _revert_group(revision, now=now, author=author)
    return _revert_rule(revision, now=now, author=author)


def current_of(revision: RuleRevision) -> Rule | RuleGroup | None:
    """Return the rule or group that a revision is of; None when it is deleted."""
    if revision.subject == RevisionSubject.GROUP:
        return RuleGroup.objects.filter(pk=revision.subject_id).first()
    return Rule.objects.select_related("group").filter(pk=revision.subject_id).first()


def fault_of(revision: RuleRevision, current: Rule | RuleGroup | None) -> str:
    """Return why reverting to a revision would be refused, as far as one can tell; '' for no reason."""
    try:
        if isinstance(current, Rule):
            refuse_provisioned([current.group])
        elif current is not None:
            refuse_provisioned([current])
        else:
            refuse_provisioned(RuleGroup.objects.filter(pk=revision.group_id))
        _refuse_same(revision, current)
    except (RevertError, ProvisionedError) as error:
        return str(error)
    return ""


def _revert_rule(revision: RuleRevision, *, now: datetime, author: Author) -> Rule:
    current = Rule.objects.select_related("group").filter(pk=revision.subject_id).first()
    _refuse_same(revision, current)
    rule = current or Rule(pk=revision.subject_id)
    group = _group_for(revision, now=now, author=author)
    refuse_provisioned([group, *([current.group] if current else [])])
    rule.group = group
    _apply(rule, RULE_FIELDS, revision.definition)
    changes.save_rule(rule, now=now, author=author)
    return rule


def _group_for(revision: RuleRevision, *, now: datetime, author: Author) -> RuleGroup:
    """Return the group that a rule was in; one that is gone is made again, without other rules."""
    named = revision.definition["group"]
    if group := RuleGroup.objects.filter(file=named["file"], name=named["name"]).first():
        return group
    if group := RuleGroup.objects.filter(pk=revision.group_id).first():
        return group  # It has another name by now.
    known = RuleRevision.objects.filter(
        subject=RevisionSubject.GROUP, subject_id=revision.group_id
    ).order_by("-pk")
    group = RuleGroup(pk=revision.group_id)
    if last := known.first():
        _apply(group, GROUP_FIELDS, last.definition)
    group.name, group.file = named["name"], named["file"]
    changes.save_group(group, now=now, author=author)
    return group


def _revert_group(revision: RuleRevision, *, now: datetime, author: Author) -> RuleGroup:
    current = RuleGroup.objects.filter(pk=revision.subject_id).first()
    if current:
        refuse_provisioned([current])
    _refuse_same(revision, current)
    group = current or RuleGroup(pk=revision.subject_id)
    _apply(group, GROUP_FIELDS, revision.definition)
    same = RuleGroup.objects.filter(file=group.file, name=group.name).exclude(pk=group.pk)
    if same.exists():
        raise RevertError(f"another group is called {group.name!r} by now; rename that one first")
    changes.save_group(group, now=now, author=author)
    if current is None:
        _restore_rules(revision, now=now, author=author)
    return group


def _restore_rules(revision: RuleRevision, *, now: datetime, author: Author) -> None:
    """Restore the rules that went with a group, wherever in its history it is brought back from."""
    last = (
        RuleRevision.objects.filter(
            subject=RevisionSubject.GROUP,
            subject_id=revision.subject_id,
            action=RevisionAction.DELETED,
        )
        .order_by("-pk")
        .first()
    )
    if last is None:
        return
    gone = RuleRevision.objects.filter(
        subject=RevisionSubject.RULE,
        action=RevisionAction.DELETED,
        group_id=revision.subject_id,
        at=last.at,
    )
    for one in gone.order_by("pk"):
        if not Rule.objects.filter(pk=one.subject_id).exists():
            _revert_rule(one, now=now, author=author)


def _refuse_same(revision: RuleRevision, current: Rule | RuleGroup | None) -> None:
    if current is None:
        return
    is_rule = isinstance(current, Rule)
    fields = (*RULE_FIELDS, "group") if is_rule else GROUP_FIELDS
    now = rule_definition(current) if isinstance(current, Rule) else group_definition(current)
    if all(revision.definition.get(field, now[field]) == now[field] for field in fields):
        raise RevertError(f"the {'rule' if is_rule else 'group'} is already what it was then")


def _apply(row: Rule | RuleGroup, fields: tuple[str, ...], definition: Mapping[str, Any]) -> None:
    """Give a row what a definition says; fields that it does not know stay as they are."""
    for field in fields:
        if field in definition:
            setattr(row, field, definition[field])
