"""What the revisions of rules and groups say: who changed what, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import JSONField, OuterRef, QuerySet, Subquery

from alerts.models import RevisionAction, RevisionSubject, RuleRevision
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
    return revisions().filter(group_id=group_id)


def changes_of(revision: RuleRevision) -> list[FieldChange]:
    """Return what a revision of `revisions` changed, field by field; nothing for a deletion."""
    if revision.action == RevisionAction.DELETED:
        return []
    before: Mapping[str, Any] = getattr(revision, "before", None) or {}
    return field_changes(_in_order(before), _in_order(revision.definition))


def field_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """Return the fields in which two definitions differ, in the order of the second.

    What a first definition leaves empty is no change.
    """
    old, new = _flat(before), _flat(after)
    fields = [*new, *(field for field in old if field not in new)]
    return [
        FieldChange(field, old.get(field), new.get(field))
        for field in fields
        if old.get(field) != new.get(field) and (before or new.get(field) not in ("", None))
    ]


def _in_order(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition as it was made; the database has its own order."""
    fields = dict.fromkeys((*RULE_FIELDS, *GROUP_FIELDS, *definition))
    return {field: definition[field] for field in fields if field in definition}


def _flat(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition with an entry for each label, annotation and part of the simple form."""
    flat: dict[str, Any] = {}
    for field, value in definition.items():
        if isinstance(value, dict):
            flat.update({f"{field}.{name}": one for name, one in value.items()})
        else:
            flat[field] = value
    return flat
