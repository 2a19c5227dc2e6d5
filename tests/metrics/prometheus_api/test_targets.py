"""`/api/v1/targets` and its kin as Prometheus answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client

from observability.metrics.prometheus_api.targets import global_url
from observability.metrics.scraping.models import ScrapeJob
from tests.metrics.scraping.targets import exporter, make_job, scrape_all

pytestmark = pytest.mark.django_db

DROP_B = {"source_labels": ["__address__"], "regex": "b.*", "action": "drop"}


@pytest.fixture(autouse=True)
def _jobs(db: None) -> None:
    make_job("c.example:1", name="web", labels={"env": "test"}, bearer_token="s3cret", authentication="bearer")  # fmt: skip
    make_job("b.example:1", "a.example:1", name="app", relabel_rules=[DROP_B], interval_ms=90_000)


def targets(client: Client, headers: dict[str, str], **parameters: str) -> Any:
    return client.get("/api/v1/targets", parameters, headers=headers).json()["data"]


def test_active_and_dropped_targets_are_listed(client: Client, reader: dict[str, str]) -> None:
    found = targets(client, reader)

    assert [one["scrapePool"] for one in found["activeTargets"]] == ["app", "web"]
    assert found["activeTargets"][0] == {
        "discoveredLabels": {
            "__address__": "a.example:1",
            "__metrics_path__": "/metrics",
            "__scheme__": "http",
            "__scrape_interval__": "1m30s",
            "__scrape_timeout__": "10s",
            "job": "app",
        },
        "labels": {"instance": "a.example:1", "job": "app"},
        "scrapePool": "app",
        "scrapeUrl": "http://a.example:1/metrics",
        "globalUrl": "http://a.example:1/metrics",
        "lastError": "",
        "lastScrape": "0001-01-01T00:00:00Z",
        "lastScrapeDuration": 0,
        "health": "unknown",
        "scrapeInterval": "1m30s",
        "scrapeTimeout": "10s",
    }
    [dropped] = found["droppedTargets"]
    assert (dropped["scrapePool"], dropped["discoveredLabels"]["__address__"]) == ("app", "b.example:1")  # fmt: skip
    assert found["droppedTargetCounts"] == {"app": 1, "web": 0}


@pytest.mark.parametrize(
    ("parameters", "active", "dropped", "counts"),
    [
        ({"state": "active"}, ["app", "web"], 0, None),
        ({"state": "dropped"}, [], 1, {"app": 1, "web": 0}),
        ({"state": "ANY"}, ["app", "web"], 1, {"app": 1, "web": 0}),
        ({"state": "odd"}, [], 0, None),
        ({"scrapePool": "web"}, ["web"], 0, {"app": 1, "web": 0}),
    ],
    ids=["active", "dropped", "any", "odd", "pool"],
)
def test_state_and_pool_choose(
    client: Client,
    reader: dict[str, str],
    parameters: dict[str, str],
    active: list[str],
    dropped: int,
    counts: dict[str, int] | None,
) -> None:
    found = targets(client, reader, **parameters)

    assert [one["scrapePool"] for one in found["activeTargets"]] == active
    assert len(found["droppedTargets"]) == dropped
    assert found["droppedTargetCounts"] == counts


def test_a_target_tells_of_its_last_scrape(client: Client, reader: dict[str, str]) -> None:
    ScrapeJob.objects.all().delete()
    with exporter("up_to 1\n") as good, exporter("x", status=500) as bad:
        make_job(good.address, name="good")
        make_job(bad.address, name="bad")
        scrape_all()

    broken, fine = targets(client, reader, state="active")["activeTargets"]

    assert (fine["health"], fine["lastError"]) == ("up", "")
    assert fine["lastScrape"] == "2026-03-02T12:00:00Z"
    assert fine["lastScrapeDuration"] > 0
    assert broken["health"] == "down"
    assert "500" in broken["lastError"]


def test_the_number_of_statements_does_not_grow_with_targets(
    client: Client, reader: dict[str, str], django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    make_job(*(f"host{number}:1" for number in range(50)), name="many")

    with django_assert_max_num_queries(5):
        found = targets(client, reader)

    assert len(found["activeTargets"]) == 52


@pytest.mark.parametrize(
    ("external", "url", "expected"),
    [
        ("https://portal.example/x", "http://a:1/metrics", "http://a:1/metrics"),
        ("https://portal.example", "http://localhost:9100/metrics?a=b", "http://portal.example:9100/metrics?a=b"),
        ("https://portal.example:8443", "http://127.0.0.1:8000/metrics", "https://portal.example:8443/metrics"),
        ("https://portal.example", "http://[::1]/metrics", "http://portal.example/metrics"),
        ("https://[2001:db8::1]", "http://localhost:1/metrics", "http://[2001:db8::1]:1/metrics"),
    ],
    ids=["elsewhere", "same-machine", "itself", "no-port", "v6"],
)  # fmt: skip
def test_targets_of_the_own_machine_are_shown_as_others_reach_them(
    monkeypatch: pytest.MonkeyPatch, external: str, url: str, expected: str
) -> None:
    monkeypatch.setattr(settings, "EXTERNAL_URL", external)
    monkeypatch.setattr(settings, "PORT", 8000)

    assert global_url(url) == expected


def test_scrape_pools_are_the_jobs(client: Client, reader: dict[str, str]) -> None:
    ScrapeJob.objects.create(name="off", enabled=False)

    response = client.get("/api/v1/scrape_pools", headers=reader)

    assert response.json()["data"] == {"scrapePools": ["app", "web"]}


def test_a_pool_shows_its_configuration_without_its_secrets(
    client: Client, reader: dict[str, str]
) -> None:
    response = client.get("/api/v1/scrape_pools/config", {"scrapePool": "web"}, headers=reader)

    job = yaml.safe_load(response.json()["data"]["yaml"])
    assert job["job_name"] == "web"
    assert job["authorization"] == {"type": "Bearer", "credentials": "<secret>"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "no scrapePool parameter provided"),
        ({"scrapePool": "x"}, 'error retrieving scrape config: unknown scrape pool "x"'),
    ],
    ids=["none", "unknown"],
)
def test_another_pool_is_refused(
    client: Client, reader: dict[str, str], parameters: dict[str, str], message: str
) -> None:
    response = client.get("/api/v1/scrape_pools/config", parameters, headers=reader)

    assert (response.status_code, response.json()["error"]) == (400, message)


def test_there_are_no_other_alertmanagers(client: Client, reader: dict[str, str]) -> None:
    response = client.get("/api/v1/alertmanagers", headers=reader)

    assert response.json()["data"] == {"activeAlertmanagers": [], "droppedAlertmanagers": []}
