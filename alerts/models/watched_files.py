"""The rule files of the watched folder, as they were last read."""

from __future__ import annotations

from django.db import models


class WatchedRuleFile(models.Model):
    """A rule file in `RULES_DIR` and what became of it.

    A file that is wrong keeps its row with `error`, and the groups of its last good content stay
    in force; a file that is gone has no row.
    """

    name = models.CharField(max_length=500, unique=True, help_text="Relative to the folder.")
    # Tell a file that may have changed from one that has not, without reading it.
    size_bytes = models.PositiveBigIntegerField(default=0)
    modified_ns = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, help_text="SHA-256 of its content, in hexadecimal.")
    error = models.TextField(blank=True, default="", help_text="A line for each thing wrong.")
    read_at = models.DateTimeField("last read")
    applied_at = models.DateTimeField("in force since", null=True)

    class Meta:
        verbose_name = "rule file"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
