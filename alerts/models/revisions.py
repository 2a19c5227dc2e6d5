"""What rules and groups were before: a row for each change."""

from __future__ import annotations

from django.db import models


class RevisionSubject(models.TextChoices):
    """What a revision is of."""

    RULE = "rule", "Rule"
    GROUP = "group", "Rule group"


class RevisionAction(models.TextChoices):
    """What was done."""

    CREATED = "created", "Created"
    CHANGED = "changed", "Changed"
    DELETED = "deleted", "Deleted"


class RuleRevision(models.Model):
    """One change of a rule or a group; it stays when they are deleted.

    `definition` is what the subject was made by the change (see `alerts.rules.revisions`); of one
    that was deleted, what it was last.
    """

    subject = models.CharField(max_length=10, choices=RevisionSubject.choices)
    # No foreign key: a deleted rule keeps its history.
    subject_id = models.BigIntegerField()
    group_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    action = models.CharField(max_length=10, choices=RevisionAction.choices)
    at = models.DateTimeField()
    by = models.CharField(max_length=200, blank=True, default="")
    via = models.CharField(
        max_length=200, blank=True, default="", help_text="The door it came by, such as a file."
    )
    definition = models.JSONField()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["subject", "subject_id", "-id"], name="alerts_revision_subject"),
            # A group's history, with that of its rules.
            models.Index(fields=["group_id", "-id"], name="alerts_revision_group"),
            models.Index(fields=["-at", "-id"], name="alerts_revision_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.action}"
