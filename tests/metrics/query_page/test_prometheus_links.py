from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ("/graph?g0.expr=up+%3D%3D+0&g0.tab=0", "?expr=up+%3D%3D+0"),
        ("/graph?g0.expr=up&g0.tab=1", "?expr=up&tab=table"),
        ("/prometheus/graph?g0.expr=up", "?expr=up"),
        ("/graph?g0.expr=a&g1.expr=b&g0.range_input=6h", "?expr=a&expr=b&range=6h"),
        ("/graph?g0.expr=a&g0.end_input=2026-03-01+12%3A00%3A00", "?expr=a&end=1772366400"),
        ("/graph?g0.expr=a&g0.end_input=2026-13-41+12%3A00", "?expr=a"),
        ("/graph", ""),
    ],
    ids=["graph", "table", "prefix", "several", "time", "no time", "nothing"],
)
def test_links_to_prometheus_lead_to_the_query_page(client: Client, link: str, page: str) -> None:
    response = client.get(link)

    assert response.status_code == 302
    assert response.headers["Location"] == f"/admin/metrics/query/{page}"
