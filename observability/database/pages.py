"""The pages that look inside PostgreSQL."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from observability.access.pages import render_page
from observability.database.state import read_state


def state_page(request: HttpRequest) -> HttpResponse:
    """Show how the portal's own PostgreSQL does."""
    context = {"state": read_state()}
    return render_page(request, "database/state.html", title="PostgreSQL", context=context)
