"""Which files were imported, and how far."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class ImportedFile(models.Model):
    """A file that is imported, or was; by its content, wherever it lies."""

    # SHA-256 of its content, its format and the labels that were added.
    fingerprint = models.CharField(max_length=64, unique=True)
    path = models.TextField()
    # Where the next import goes on, in its bytes after decompression; all before is stored.
    offset = models.BigIntegerField(default=0)
    line = models.BigIntegerField(default=1)
    sample_count = models.BigIntegerField("samples", default=0)
    skipped_count = models.BigIntegerField("skipped lines", default=0)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.path
