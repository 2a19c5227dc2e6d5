"""Who makes a change through the API, for the history of rules."""

from __future__ import annotations

from rest_framework.request import Request

from alerts.rules.revisions import Author
from observability.access.models import ApiKey


def author_of(request: Request) -> Author:
    """Return the key or the person that a request comes from."""
    if isinstance(request.auth, ApiKey):
        return Author(by=f"key {request.auth.name}")
    return Author(by=request.user.get_username())
