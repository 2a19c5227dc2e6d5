"""Links to Prometheus's own page, `/graph?g0.expr=up&g0.tab=1`, which templates and alerts carry.

They lead to the query page with the same expressions. Source: Prometheus 2, web/ui (the parameters
of its classic page); `graphLink` and `tableLink` of templates make such links.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import count
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.urls import reverse

from observability.metrics.query_page.page import MAX_EXPRESSIONS

_TABLE_TAB = "1"
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)(?::(\d\d))?")


def graph_link(request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the query page, which asks for a sign-in if need be."""
    pairs = _parameters(request.GET)
    query = f"?{urlencode(pairs)}" if pairs else ""
    return HttpResponseRedirect(reverse("metrics-query") + query)


def _parameters(given: QueryDict) -> list[tuple[str, str]]:
    exprs = []
    for place in count():
        expr = given.get(f"g{place}.expr")
        if expr is None or place >= MAX_EXPRESSIONS:
            break
        exprs.append(("expr", expr))
    if not exprs:
        return []
    others = [("tab", "table")] if given.get("g0.tab") == _TABLE_TAB else []
    if length := given.get("g0.range_input"):
        others.append(("range", length))
    if end := _seconds(given.get("g0.end_input") or given.get("g0.moment_input") or ""):
        others.append(("end", end))
    return [*exprs, *others]


def _seconds(text: str) -> str:
    found = _TIME.fullmatch(text)
    if found is None:
        return ""
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return ""
    return str(int(moment.timestamp()))
