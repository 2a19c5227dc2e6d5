"""`/api/v1/status/...`, `/-/healthy` and `/-/ready`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import yaml
from django.core.cache import cache
from django.test import Client

from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.metrics.backend import get_backend
from observability.metrics.models import RetentionPolicy
from observability.metrics.samples import batch_at
from observability.metrics.scraping.models import ScrapeJob
from observability.metrics.store import retention
from observability.promql.labels import label_set
from observability.telemetry import health
from observability.telemetry.health import (
    CheckResult,
    Status,
    forget_results,
    register_check,
)
from tests.metrics.scraping.targets import make_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def status(client: Client, headers: dict[str, str], name: str, **parameters: Any) -> Any:
    return client.get(f"/api/v1/status/{name}", parameters, headers=headers).json()["data"]


def test_clients_find_a_version_of_prometheus_and_no_features(
    client: Client, reader: dict[str, str]
) -> None:
    info = status(client, reader, "buildinfo")

    major, *_ = info["version"].split(".")
    assert int(major) == 3
    assert "+portal." in info["version"]
    assert info["application"] == "Observability Portal"
    assert not info.get("features")


def test_runtime_info_is_that_of_the_process(client: Client, reader: dict[str, str]) -> None:
    RetentionPolicy.objects.update_or_create(is_default=True, defaults={"raw_days": 10})
    retention.forget()

    info = status(client, reader, "runtimeinfo")

    assert datetime.fromisoformat(info["startTime"]) <= datetime.fromisoformat(info["serverTime"])
    assert info["storageRetention"] == "10d"
    assert info["GOMAXPROCS"] > 0


def test_flags_are_texts(client: Client, reader: dict[str, str]) -> None:
    flags = status(client, reader, "flags")

    assert flags["query.lookback-delta"] == "5m"
    assert flags["query.max-samples"] == "50000000"
    assert all(isinstance(value, str) for value in flags.values())


def test_the_configuration_hides_secrets(client: Client, reader: dict[str, str]) -> None:
    make_job("a:1", authentication="basic", username="ada", password="s3cret")
    ScrapeJob.objects.create(name="off", enabled=False)

    text = status(client, reader, "config")["yaml"]

    assert "s3cret" not in text
    [job] = yaml.safe_load(text)["scrape_configs"]
    assert job["basic_auth"] == {"username": "ada", "password": "<secret>"}
    assert job["static_configs"] == [{"targets": ["a:1"]}]


def test_tsdb_status_tells_what_is_largest(client: Client, reader: dict[str, str]) -> None:
    samples = [
        (label_set({"__name__": "requests", "path": f"/{number}", "job": "web"}), 1.0)
        for number in range(3)
    ]
    samples.append((label_set({"__name__": "up", "job": "web"}), 1.0))
    get_backend().append(batch_at(60_000, samples))

    found = status(client, reader, "tsdb")
    cut = status(client, reader, "tsdb", limit=1)

    assert found == {
        "headStats": {
            "numSeries": 4,
            "numLabelPairs": 6,
            "chunkCount": 1,
            "minTime": 60_000,
            "maxTime": 60_000,
        },
        "seriesCountByMetricName": [
            {"name": "requests", "value": 3},
            {"name": "up", "value": 1},
        ],
        "labelValueCountByLabelName": [
            {"name": "path", "value": 3},
            {"name": "__name__", "value": 2},
            {"name": "job", "value": 1},
        ],
        "memoryInBytesByLabelName": [
            {"name": "__name__", "value": 26},
            {"name": "path", "value": 18},
            {"name": "job", "value": 6},
        ],
        "seriesCountByLabelValuePair": [
            {"name": "job=web", "value": 4},
            {"name": "__name__=requests", "value": 3},
            {"name": "__name__=up", "value": 1},
            {"name": "path=/0", "value": 1},
            {"name": "path=/1", "value": 1},
            {"name": "path=/2", "value": 1},
        ],
    }
    assert [len(cut[name]) for name in cut if name != "headStats"] == [1, 1, 1, 1]


def test_an_empty_store_has_prometheus_times_of_nothing(
    client: Client, reader: dict[str, str]
) -> None:
    found = status(client, reader, "tsdb")

    assert found["headStats"] == {
        "numSeries": 0,
        "numLabelPairs": 0,
        "chunkCount": 0,
        "minTime": 9223372036854775807,
        "maxTime": -9223372036854775808,
    }


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("0", "limit must be a positive number"),
        ("x", "limit must be a positive number"),
        ("10001", "limit must not exceed 10000"),
    ],
)
def test_a_wrong_limit_is_refused(
    client: Client, reader: dict[str, str], limit: str, message: str
) -> None:
    response = client.get("/api/v1/status/tsdb", {"limit": limit}, headers=reader)

    assert (response.status_code, response.json()["error"]) == (400, message)


@pytest.mark.parametrize("prefix", ["", "/prometheus"])
@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_probes_work_with_any_key(client: Client, prefix: str, path: str) -> None:
    _, token = create_key(name="writer", scopes=[Scope.METRICS_WRITE])
    headers = {"Authorization": f"Bearer {token}"}

    response = client.get(prefix + path, headers=headers)
    head = client.head(prefix + path, headers=headers)

    assert (response.status_code, head.status_code) == (200, 200)
    assert response["Content-Type"].startswith("text/plain")


def test_probes_need_a_key(client: Client) -> None:
    assert client.get("/-/healthy").status_code == 401
    assert client.get("/-/ready").status_code == 401


def test_a_portal_that_lacks_what_it_needs_is_not_ready(
    client: Client, reader: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_checks", {})
    register_check(
        "part", lambda: CheckResult(status=Status.FAILING, message="gone"), critical=True
    )

    response = client.get("/-/ready", headers=reader)
    forget_results()

    assert (response.status_code, response.content) == (503, b"Service Unavailable")
    assert client.get("/-/healthy", headers=reader).status_code == 200
