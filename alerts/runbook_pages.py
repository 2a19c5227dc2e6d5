"""The pages of runbooks, to which the shipped alerts link."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from alerts.runbooks import INDEX, UnknownRunbookError, read_runbook
from observability.access.pages import render_page


def runbook_page(request: HttpRequest, name: str = INDEX) -> HttpResponse:
    """Show a runbook; without a name, the list of all."""
    try:
        runbook = read_runbook(name)
    except UnknownRunbookError as error:
        raise Http404(f"there is no runbook {name}") from error
    context = {"runbook": runbook, "is_index": name == INDEX}
    return render_page(request, "alerts/runbook.html", title=runbook.title, context=context)
