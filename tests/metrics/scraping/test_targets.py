from __future__ import annotations

from typing import Any

import pytest

from observability.metrics.scraping.models import ScrapeJob
from observability.metrics.scraping.targets import FoundTargets, TargetGroup, find_targets


def found(*addresses: str, labels: dict[str, str] | None = None, **fields: Any) -> FoundTargets:
    job = ScrapeJob(name="app", **fields)
    return find_targets(job, [TargetGroup(addresses=addresses, labels=labels or {})])


def rule(**parts: Any) -> dict[str, Any]:
    return parts


def test_a_target_has_job_and_instance() -> None:
    [target] = found("db1:9100").targets

    assert target.labels == {"job": "app", "instance": "db1:9100"}
    assert target.url == "http://db1:9100/metrics"
    assert (target.interval_ms, target.timeout_ms) == (15_000, 10_000)


def test_labels_of_job_and_group_are_added_and_hidden_ones_left_out() -> None:
    job = ScrapeJob(name="app", labels={"env": "production", "team": "db"})
    labels = {"zone": "a", "env": "test", "__meta_x": "y"}

    [target] = find_targets(job, [TargetGroup(addresses=["h:1"], labels=labels)]).targets

    assert target.labels == {
        "job": "app",
        "instance": "h:1",
        "zone": "a",
        "env": "test",
        "team": "db",
    }


@pytest.mark.parametrize(
    ("fields", "labels", "url"),
    [
        pytest.param({"scheme": "https"}, {}, "https://h:1/metrics", id="scheme"),
        pytest.param({"metrics_path": "/m"}, {}, "http://h:1/m", id="path"),
        pytest.param({"metrics_path": "m"}, {}, "http://h:1/m", id="path without a slash"),
        pytest.param({"params": {"b": ["2", "3"], "a": ["1"]}}, {}, "http://h:1/metrics?a=1&b=2&b=3", id="parameters"),
        pytest.param({"params": {"b": ["2", "3"]}}, {"__param_b": "x"}, "http://h:1/metrics?b=x&b=3", id="label of a parameter"),
        pytest.param({}, {"__metrics_path__": "/probe", "__scheme__": "https"}, "https://h:1/probe", id="labels"),
    ],
)  # fmt: skip
def test_the_address_follows_from_job_and_labels(
    fields: dict[str, Any], labels: dict[str, str], url: str
) -> None:
    [target] = found("h:1", labels=labels, **fields).targets

    assert target.url == url


def test_relabeling_sends_a_probe_through_an_exporter() -> None:
    rules = [
        rule(source_labels=["__address__"], target_label="__param_target"),
        rule(source_labels=["__param_target"], target_label="instance"),
        rule(target_label="__address__", replacement="blackbox:9115"),
    ]

    [target] = found(
        "https://example.org",
        relabel_rules=rules,
        metrics_path="/probe",
        params={"module": ["http_2xx"]},
    ).targets

    assert (
        target.url == "http://blackbox:9115/probe?module=http_2xx&target=https%3A%2F%2Fexample.org"
    )
    assert target.labels == {"job": "app", "instance": "https://example.org"}


def test_relabeling_sets_interval_and_timeout() -> None:
    rules = [
        rule(target_label="__scrape_interval__", replacement="1m"),
        rule(target_label="__scrape_timeout__", replacement="30s"),
    ]

    [target] = found("h:1", relabel_rules=rules).targets

    assert (target.interval_ms, target.timeout_ms) == (60_000, 30_000)


def test_what_rules_drop_is_told() -> None:
    result = found("a:1", "b:1", relabel_rules=[rule(source_labels=["__address__"], regex="a:1", action="drop")])  # fmt: skip

    assert [target.url for target in result.targets] == ["http://b:1/metrics"]
    assert [labels["__address__"] for labels in result.dropped] == ["a:1"]


def test_the_same_target_counts_once() -> None:
    assert len(found("a:1", "a:1").targets) == 1


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        pytest.param("a:1/metrics", "is not an address", id="with a path"),
        pytest.param("http://a:1", "is not an address", id="with a scheme"),
        pytest.param("user@a:1", "is not an address", id="with a user"),
        pytest.param("a:99999", "is not an address", id="no port"),
        pytest.param("", "no address", id="empty"),
    ],
)
def test_what_cannot_be_scraped_is_told_and_stops_nobody(address: str, fault: str) -> None:
    result = found(address, "good:1")

    assert [target.url for target in result.targets] == ["http://good:1/metrics"]
    assert [fault in message for _, message in result.faulty] == [True]


def test_ipv6_addresses_are_taken() -> None:
    [target] = found("[2001:db8::1]:9100").targets

    assert target.url == "http://[2001:db8::1]:9100/metrics"


def test_a_timeout_above_the_interval_is_told() -> None:
    result = found("a:1", relabel_rules=[rule(target_label="__scrape_timeout__", replacement="1m")])

    assert not result.targets
    assert "not longer than the interval" in result.faulty[0][1]
