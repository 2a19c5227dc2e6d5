"""The pages of the pool: its hosts."""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse

from observability.access.pages import render_page
from pool.hosts import list_hosts


def hosts_page(request: HttpRequest) -> HttpResponse:
    """Show every machine that reports."""
    hosts = list_hosts(at_ms=int(time.time() * 1000))
    return render_page(request, "pool/hosts.html", title="Hosts", context={"hosts": hosts})
