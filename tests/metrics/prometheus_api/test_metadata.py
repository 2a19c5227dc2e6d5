"""`/api/v1/metadata` and `/api/v1/targets/metadata` as Prometheus answers them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.samples import Metadata, MetricType, batch_at
from observability.promql.labels import label_set
from tests.metrics.scraping.targets import exporter, make_job, scrape_all

pytestmark = pytest.mark.django_db

LATENCY = {"type": "histogram", "unit": "seconds", "help": "Time taken."}
SIZE = {"type": "summary", "unit": "", "help": "Size."}
REQUESTS = {"type": "counter", "unit": "", "help": "Requests."}
TEXT = """# TYPE jobs_total counter
# HELP jobs_total Jobs done.
jobs_total{queue="a"} 1
jobs_total{queue="b"} 1
# TYPE wait_seconds histogram
# HELP wait_seconds Time waited.
wait_seconds_bucket{le="+Inf"} 1
wait_seconds_sum 1
wait_seconds_count 1
silent 1
"""


@pytest.fixture
def _metrics(db: None) -> None:
    names = ["latency_bucket", "latency_sum", "latency_count", "size", "size_sum", "size_count", "requests_total", "load_sum", "unknown"]  # fmt: skip
    said = {
        "latency": Metadata(type=MetricType.HISTOGRAM, help="Time taken.", unit="seconds"),
        "size": Metadata(type=MetricType.SUMMARY, help="Size."),
        "requests_total": Metadata(type=MetricType.COUNTER, help="Requests."),
        "load_sum": Metadata(type=MetricType.GAUGE),
    }
    samples = [(label_set({"__name__": name}), 1.0) for name in names]
    get_backend().append(batch_at(60_000, samples, metadata=said))


@pytest.mark.usefixtures("_metrics")
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"latency": [LATENCY], "load_sum": [{"type": "gauge", "unit": "", "help": ""}], "requests_total": [REQUESTS], "size": [SIZE]}),
        ({"metric": "latency"}, {"latency": [LATENCY]}),
        ({"metric": "latency_bucket"}, {}),
        ({"metric": "unknown"}, {}),
        ({"metric": "nothing"}, {}),
        ({"limit": 1}, {"latency": [LATENCY]}),
        ({"limit": 0}, {}),
        ({"limit": -1, "metric": "size", "limit_per_metric": 1}, {"size": [SIZE]}),
    ],
    ids=["all", "family", "part", "unsaid", "none", "limit", "limit-0", "negative"],
)  # fmt: skip
def test_families_are_told_by_name(
    client: Client, reader: dict[str, str], parameters: dict[str, Any], expected: dict[str, Any]
) -> None:
    response = client.get("/api/v1/metadata", parameters, headers=reader)

    assert response.json() == {"status": "success", "data": expected}


def test_a_family_of_which_different_things_are_said_has_several_entries(
    client: Client, reader: dict[str, str]
) -> None:
    said = {
        f"wait_{part}": Metadata(type=MetricType.SUMMARY, help=part) for part in ("sum", "count")
    }
    samples = [(label_set({"__name__": name}), 1.0) for name in said]
    get_backend().append(batch_at(60_000, samples, metadata=said))

    whole = client.get("/api/v1/metadata", headers=reader).json()["data"]
    cut = client.get("/api/v1/metadata", {"limit_per_metric": "1"}, headers=reader).json()["data"]

    assert sorted(entry["help"] for entry in whole["wait"]) == ["count", "sum"]
    assert len(cut["wait"]) == 1


@pytest.mark.parametrize("name", ["limit", "limit_per_metric"])
def test_what_is_no_number_is_refused(client: Client, reader: dict[str, str], name: str) -> None:
    response = client.get("/api/v1/metadata", {name: "x"}, headers=reader)

    assert response.status_code == 400
    assert response.json()["error"] == f"{name} must be a number"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["app jobs_total", "app wait_seconds", "other up_to"]),
        ({"match_target": '{job="app"}'}, ["app jobs_total", "app wait_seconds"]),
        ({"metric": "jobs_total"}, ["app "]),
        ({"limit": 1}, ["app jobs_total", "app wait_seconds"]),
        ({"limit": 0}, []),
        ({"metric": "silent"}, []),
    ],
    ids=["all", "target", "metric", "limit", "limit-0", "unsaid"],
)
def test_metadata_of_targets(
    client: Client, reader: dict[str, str], parameters: dict[str, Any], expected: list[str]
) -> None:
    rename = {"source_labels": ["__name__"], "regex": "up_.*", "target_label": "__name__", "replacement": "up_to"}  # fmt: skip
    with exporter(TEXT) as app, exporter("# TYPE up_to gauge\nup_to 1\n") as other:
        make_job(app.address)
        make_job(other.address, name="other", metric_relabel_rules=[rename])
        scrape_all()

        response = client.get("/api/v1/targets/metadata", parameters, headers=reader)

    data = response.json()["data"]
    assert [f"{one['target']['job']} {one.get('metric', '')}" for one in data] == expected
    assert all({"type", "help", "unit"} < set(one) for one in data)


def test_a_wrong_match_target_is_refused(client: Client, reader: dict[str, str]) -> None:
    response = client.get("/api/v1/targets/metadata", {"match_target": "{"}, headers=reader)

    assert response.status_code == 400
    assert response.json()["error"].startswith('invalid parameter "match_target": 1:2: parse error')
