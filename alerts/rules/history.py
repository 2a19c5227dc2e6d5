"""What the revisions of rules and groups say: who changed what, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import JSONField, OuterRef, Q, QuerySet, Subquery

from alerts.models import RevisionAction, RevisionSubject, Rule, RuleGroup, RuleRevision
from alerts.rules.revisions import GROUP_FIELDS, RULE_FIELDS


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a definition that a change gave another value.

    Attributes:
        field: Its name; those of labels and annotations are changed one by one, `labels.team`.
        before: The value until then; None when there was none.
        after: The value from then on; None when there is none.
    """

    field: str
    before: Any
    after: Any


def revisions() -> QuerySet[RuleRevision]:
    """Return all revisions, newest first, each with the definition `before` it; None for a first."""
    earlier = RuleRevision.objects.filter(
        subject=OuterRef("subject"), subject_id=OuterRef("subject_id"), pk__lt=OuterRef("pk")
    ).order_by("-pk")
    before = Subquery(earlier.values("definition")[:1], output_field=JSONField())
    return RuleRevision.objects.annotate(before=before).order_by("-at", "-pk")


def of_rule(rule_id: int) -> QuerySet[RuleRevision]:
    """Return the revisions of a rule, which may be deleted."""
    return revisions().filter(subject=RevisionSubject.RULE, subject_id=rule_id)


def of_group(group_id: int) -> QuerySet[RuleRevision]:
    """Return the revisions of a group, which may be deleted, and of the rules it had then."""
    return revisions().filter(
        Q(subject=RevisionSubject.GROUP, subject_id=group_id)
        | Q(subject=RevisionSubject.RULE, group_id=group_id)
    )


def newest(row: Rule | RuleGroup) -> RuleRevision | None:
    """Return what was last done to a rule or a group."""
    subject = RevisionSubject.RULE if isinstance(row, Rule) else RevisionSubject.GROUP
    found = RuleRevision.objects.filter(subject=subject, subject_id=row.pk)
    return found.order_by("-pk").first()


def changes_of(revision: RuleRevision) -> list[FieldChange]:
    """Return what a revision of `revisions` changed, field by field; nothing for a deletion."""
    if revision.action == RevisionAction.DELETED:
        return []
    before: Mapping[str, Any] = getattr(revision, "before", None) or {}
    return field_changes(before, revision.definition)


def field_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """Return the fields in which two definitions differ, in the order of the definition.

    What a first definition leaves empty is no change.
    """
    old, new = _flat(before), _flat(after)
    order = [*new, *(field for field in old if field not in new)]
    return [
        FieldChange(field, old.get(field), new.get(field))
        for field in sorted(order, key=_place)
        if old.get(field) != new.get(field) and (before or new.get(field) not in ("", None))
    ]


def _place(field: str) -> int:
    head = field.partition(".")[0]
    order = (*dict.fromkeys((*RULE_FIELDS, *GROUP_FIELDS)), "group")
    return order.index(head) if head in order else len(order)


def _flat(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition with an entry for each label, annotation and part of the simple form."""
    flat: dict[str, Any] = {}
    for field, value in definition.items():
        if isinstance(value, dict):
            flat.update({f"{field}.{name}": one for name, one in value.items()})
        else:
            flat[field] = value
    return flat
