"""Pages of our own inside the admin: signed-in staff only, with the permission that each names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

Page = Callable[..., HttpResponse]


def admin_page(route: str, view: Page, *, name: str, permission: str) -> URLPattern:
    """Return the URL of a page at `/admin/<route>`, refused to staff without the permission."""
    guarded = permission_required(permission, raise_exception=True)(view)
    return path(f"admin/{route}", admin.site.admin_view(guarded), name=name)


def render_page(
    request: HttpRequest, template: str, *, title: str, context: dict[str, Any]
) -> TemplateResponse:
    """Return a page in the admin's frame; lists, dates and links are up to the template."""
    frame = admin.site.each_context(request)
    return TemplateResponse(request, template, {**frame, "title": title, **context})
