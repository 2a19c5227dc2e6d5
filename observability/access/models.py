"""API keys as rows. A key itself is never stored, only what recognises it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models

from observability.access.key_labels import validate_labels
from observability.access.scopes import Scope, allows


class KeyState(models.TextChoices):
    """Whether a key opens anything."""

    ACTIVE = "active", "Active"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


class ApiKey(models.Model):
    """A key for programs: what it may do, what it adds to its writes, and until when."""

    name = models.CharField(max_length=200, help_text="Who or what uses this key.")
    prefix = models.CharField(
        max_length=16,
        editable=False,
        blank=True,
        help_text="The key's first characters, to find it by; empty for a key that an operator chose.",
    )
    # The SHA-256 of the key, in hex. A plain hash is enough: a key that we make holds 256 random bits.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=32, choices=Scope.choices),
        help_text="What the key may do. Writing does not include reading.",
    )
    labels = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_labels],
        help_text="Added to everything that the key writes.",
    )
    new_series_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many new series the key may make in a minute. Empty: MAX_NEW_SERIES_PER_MINUTE.",
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="To the minute."
    )

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name

    def state(self, now: datetime) -> KeyState:
        """Return whether the key opens anything at `now`; at the very moment of its expiry it no longer does."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        return KeyState.ACTIVE

    def allows(self, scope: Scope) -> bool:
        """Say whether the key may do what `scope` names; nothing about whether it is still good."""
        return allows(self.scopes, scope)
