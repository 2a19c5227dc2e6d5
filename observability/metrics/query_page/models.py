"""The expressions that people have run on the query page."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class PastQueries(models.QuerySet["PastQuery"]):
    """Expressions that were run, by whose they are."""

    def of(self, user_id: int) -> PastQueries:
        """Return those of one user, the latest first."""
        return self.filter(user_id=user_id).order_by("-run_at", "-pk")


class PastQuery(models.Model):
    """An expression that a user has run; running it again makes it the latest."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    expr = models.TextField()
    # BLAKE2b-128 of the expression, which may be longer than an index takes.
    digest = models.BinaryField(max_length=16)
    is_starred = models.BooleanField(default=False)
    runs = models.PositiveIntegerField(default=1)
    run_at = models.DateTimeField(db_default=Now())

    objects = PastQueries.as_manager()

    class Meta:
        verbose_name_plural = "past queries"
        # Everybody sees their own and nobody else's, so that there is nothing to permit.
        default_permissions = ()
        constraints = [
            # Makes recording the same expression twice at once safe.
            models.UniqueConstraint(fields=["user", "digest"], name="past_query_unique"),
        ]
        indexes = [
            # A user's latest.
            models.Index(fields=["user", "-run_at"], name="past_query_latest"),
        ]

    def __str__(self) -> str:
        return self.expr
