"""The admin's frame: sidebar, notices on every page, and the home page with the state of things."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from observability.access.navigation import Entry, Section, registered_entries


def stylesheet(request: HttpRequest) -> str:
    """Return the address of the portal's own style sheet."""
    return static("portal/portal.css")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar in django-unfold's form, holding what this user may open."""
    groups: list[dict[str, Any]] = [
        {"items": [{"title": "Home", "icon": "home", "link": reverse("admin:index")}]}
    ]
    allowed = [entry for entry in registered_entries() if request.user.has_perm(entry.permission)]
    for section in Section:
        items = [_item(entry) for entry in allowed if entry.section is section]
        if items:
            groups.append({"title": section.value, "separator": True, "items": items})
    return groups


def _item(entry: Entry) -> dict[str, Any]:
    return {"title": entry.title, "icon": entry.icon, "link": reverse(entry.url_name)}


def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return what the home page shows."""
    return context


def notices_context(request: HttpRequest) -> dict[str, Any]:
    """Return the notices that stand on every page."""
    return {}
