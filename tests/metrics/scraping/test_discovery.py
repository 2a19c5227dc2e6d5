from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from observability.metrics.scraping.discovery import dns as dns_discovery
from observability.metrics.scraping.discovery import files, http
from observability.metrics.scraping.discovery.refreshing import claim_due_sources
from observability.metrics.scraping.errors import DiscoveryError
from observability.metrics.scraping.models import ScrapeJob, ScrapeSource, ScrapeTarget
from tests.access.http_server import Handler, serve

from .dns_server import serve_dns
from .targets import START, make_job, refresh_due

LISTED = [{"targets": ["db1:9100"], "labels": {"env": "test"}}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("a.json", json.dumps(LISTED), id="JSON"),
        pytest.param("a.yml", "- targets: ['db1:9100']\n  labels: {env: test}\n", id="YAML"),
    ],
)
def test_files_list_targets(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    [group] = files.find({"paths": [str(tmp_path / f"*{name[1:]}")]})

    assert list(group.addresses) == ["db1:9100"]
    assert group.labels == {"env": "test", "__meta_filepath": str(tmp_path / name)}


def test_files_that_are_not_there_list_nothing(tmp_path: Path) -> None:
    assert files.find({"paths": [str(tmp_path / "*.json")]}) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("{", "not valid JSON", id="no JSON"),
        pytest.param('{"password": "secret"}', "expected a list of groups", id="no list"),
        pytest.param('[{"password": "secret"}]', "only targets and labels", id="other names"),
    ],
)
def test_what_lists_no_targets_is_told_without_its_content(
    tmp_path: Path, text: str, fault: str
) -> None:
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(DiscoveryError, match=fault) as caught:
        files.find({"paths": [str(tmp_path / "a.json")]})

    assert "secret" not in str(caught.value)
    assert "password" not in str(caught.value)


def test_a_service_lists_targets() -> None:
    def answer(handler: Handler) -> None:
        handler.reply(200, json.dumps(LISTED).encode(), {"Content-Type": "application/json"})

    with serve(answer) as server:
        [group] = http.find({"url": server.url("/targets"), "refresh_seconds": 60})

        assert list(group.addresses) == ["db1:9100"]
        assert group.labels["__meta_url"] == server.url("/targets")
        assert server.received[0].headers["x-prometheus-refresh-interval-seconds"] == "60"


@pytest.mark.parametrize(
    ("status", "body", "media_type", "fault"),
    [
        pytest.param(500, b"[]", "application/json", "status 500", id="status"),
        pytest.param(200, b"[]", "text/html", "not application/json", id="media type"),
        pytest.param(200, b"[", "application/json", "not valid JSON", id="no JSON"),
    ],
)
def test_a_service_that_lists_no_targets_is_told(
    status: int, body: bytes, media_type: str, fault: str
) -> None:
    def answer(handler: Handler) -> None:
        handler.reply(status, body, {"Content-Type": media_type})

    with serve(answer) as server, pytest.raises(DiscoveryError, match=fault):
        http.find({"url": server.url()})


@pytest.mark.parametrize(
    ("config", "record", "addresses"),
    [
        pytest.param({"type": "A", "port": 9100}, "10.0.0.1", ["10.0.0.1:9100"], id="A"),
        pytest.param({"type": "AAAA", "port": 9100}, "2001:db8::1", ["[2001:db8::1]:9100"], id="AAAA"),
        pytest.param({"type": "SRV"}, "0 0 9100 db1.example.org.", ["db1.example.org:9100"], id="SRV"),
    ],
)  # fmt: skip
def test_names_are_looked_up(config: dict[str, Any], record: str, addresses: list[str]) -> None:
    with serve_dns({"db.example.org.": (config["type"], record)}) as resolver:
        [group] = dns_discovery.find({"names": ["db.example.org"], **config}, resolver=resolver)

    assert list(group.addresses) == addresses
    assert group.labels == {"__meta_dns_name": "db.example.org"}


def test_a_name_that_does_not_exist_has_no_targets() -> None:
    with serve_dns({}) as resolver:
        [group] = dns_discovery.find(
            {"names": ["gone.example.org"], "type": "A"}, resolver=resolver
        )

    assert list(group.addresses) == []


def test_names_that_take_too_long_together_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_discovery, "MAX_SECONDS", 0)

    with (
        serve_dns({}) as resolver,
        pytest.raises(DiscoveryError, match="did not answer within 0 s for all names"),
    ):
        dns_discovery.find({"names": ["a.example.org"], "type": "A"}, resolver=resolver)


@pytest.mark.django_db
def test_a_source_of_too_many_targets_says_so_and_keeps_those_from_before(tmp_path: Path) -> None:
    job = make_job("a:1")
    listed = [{"targets": [f"h{number}:1" for number in range(15_000)]}]
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(listed))
    source = ScrapeSource.objects.create(
        job=job,
        kind="file",
        config={"paths": [str(tmp_path / "*.json")]},
        next_refresh_at=START,
    )

    refresh_due(START)

    source.refresh_from_db()
    assert source.last_error == "the source: at most 20,000 targets; these are 30,000"
    assert ScrapeTarget.objects.count() == 1


@pytest.mark.django_db
def test_targets_follow_what_a_file_lists(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"targets": ["a:1", "b:1"]}]))
    job = ScrapeJob.objects.create(name="app")
    ScrapeSource.objects.create(
        job=job, kind="file", config={"paths": [str(path)]}, next_refresh_at=START
    )

    refresh_due(START)
    first = dict(ScrapeTarget.objects.present().values_list("url", "pk"))
    path.write_text(json.dumps([{"targets": ["b:1", "c:1"]}]))
    later = START + timedelta(minutes=1)
    refresh_due(later)
    second = dict(ScrapeTarget.objects.present().values_list("url", "pk"))

    assert list(first) == ["http://a:1/metrics", "http://b:1/metrics"]
    assert list(second) == ["http://b:1/metrics", "http://c:1/metrics"]
    assert second["http://b:1/metrics"] == first["http://b:1/metrics"]


@pytest.mark.django_db
def test_targets_stay_while_their_source_cannot_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"targets": ["a:1"]}]))
    job = ScrapeJob.objects.create(name="app")
    ScrapeSource.objects.create(
        job=job, kind="file", config={"paths": [str(path)]}, next_refresh_at=START
    )

    refresh_due(START)
    path.write_text("half wri")
    refresh_due(START + timedelta(minutes=1))

    assert ScrapeTarget.objects.present().count() == 1
    assert "not valid JSON" in ScrapeSource.objects.get().last_error


@pytest.mark.django_db
def test_a_source_is_asked_by_one_process_at_a_time() -> None:
    make_job("a:1")
    ScrapeSource.objects.update(next_refresh_at=START)

    first = claim_due_sources(now=START, limit=10)
    second = claim_due_sources(now=START, limit=10)
    after_a_death = claim_due_sources(now=START + timedelta(minutes=2), limit=10)

    assert [len(first), len(second), len(after_a_death)] == [1, 0, 1]
