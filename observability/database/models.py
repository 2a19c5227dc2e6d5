"""Rights to look inside PostgreSQL; the insight itself is read from the server, not stored here."""

from django.db import models


class Insight(models.Model):
    """No table: the holder of the permissions of the database pages and endpoints."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_insight", "Can look inside PostgreSQL"),
            ("change_insight", "Can cancel queries and reset statistics"),
        ]

    def __str__(self) -> str:
        return "database insight"
