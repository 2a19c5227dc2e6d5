from __future__ import annotations

from math import inf

import pytest
from django.test import Client

from observability.metrics.collectors.own import collect_own

LEFT_OUT = {
    "django_http_requests_latency_seconds_by_view_method",
    "django_http_requests_body_total_bytes",
    "django_http_responses_body_total_bytes",
}


@pytest.mark.django_db
def test_histograms_that_say_the_same_twice_are_exposed_but_not_stored(client: Client) -> None:
    client.get("/health/live")
    exposed = client.get("/metrics").content.decode()

    stored = {family.name for family in collect_own()}

    assert {name for name in LEFT_OUT if f"# TYPE {name} histogram" in exposed} == LEFT_OUT
    assert "http_request_duration_seconds" in stored
    assert not stored & LEFT_OUT


def test_duration_of_requests_is_stored_in_few_buckets(client: Client) -> None:
    client.get("/health/live")

    bounds = {
        float(labels["le"])
        for family in collect_own()
        if family.name == "http_request_duration_seconds"
        for _, labels, _ in family.samples
        if labels.get("route") == "/health/live/" and "le" in labels
    }

    assert bounds >= {0.005, 0.05, 0.2, 0.5, 10.0, inf}
    assert len(bounds) <= 11
