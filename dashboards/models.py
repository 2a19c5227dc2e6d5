"""Dashboards that people make and share."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse

from dashboards.panels import read_config


class DashboardQuerySet(models.QuerySet["Dashboard"]):
    """Sets of dashboards, by who may see them."""

    def visible_to(self, user: object) -> DashboardQuerySet:
        """Return the user's own dashboards and the public ones; all of them for a superuser."""
        if getattr(user, "is_superuser", False):
            return self
        return self.filter(Q(is_public=True) | Q(owner_id=getattr(user, "pk", None)))


class Dashboard(models.Model):
    """A page of charts. A private one is seen by its owner alone."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    config = models.JSONField(
        default=dict, help_text="Panels as JSON; docs/dashboards.md has the form."
    )
    is_public = models.BooleanField(
        "public", default=True, help_text="Everybody who signs in sees it."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DashboardQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the page that shows the dashboard."""
        return reverse("dashboard", args=[self.slug])

    def clean(self) -> None:
        """Refuse a configuration that could not be shown."""
        try:
            read_config(self.config)
        except ValueError as error:
            raise ValidationError({"config": str(error)}) from error
