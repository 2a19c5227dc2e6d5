"""Who changes rules by these pages."""

from __future__ import annotations

from django.http import HttpRequest

from alerts.rules.revisions import Author


def author_of(request: HttpRequest) -> Author:
    """Return the signed-in user as the author of a change."""
    return Author(by=request.user.get_username())
