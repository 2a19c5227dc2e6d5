from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from observability.telemetry.registry import collect_families


def requests_total(**labels: str) -> float:
    return sum(
        sample.value
        for family in collect_families()
        for sample in family.samples
        if sample.name == "http_requests_total" and labels.items() <= sample.labels.items()
    )


def test_answer_carries_the_id_of_the_caller(client: Client) -> None:
    response = client.get("/health/live", headers={"X-Request-ID": "call-42"})

    assert response.headers["X-Request-ID"] == "call-42"


@pytest.mark.parametrize("sent", ["", "two words", "x" * 200, "<script>", "a\tb"])
def test_unsafe_id_is_replaced(client: Client, sent: str) -> None:
    response = client.get("/health/live", headers={"X-Request-ID": sent})

    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])


def test_request_is_counted_by_its_route(client: Client) -> None:
    # Servers that other tests start are asked for it with GET meanwhile.
    before = requests_total(method="HEAD", route="/health/live/", status="200")

    client.head("/health/live")

    assert requests_total(method="HEAD", route="/health/live/", status="200") == before + 1


@pytest.mark.django_db
def test_paths_that_match_nothing_share_one_route(client: Client) -> None:
    before = requests_total(route="unmatched", status="404")

    client.get("/nothing/here/1")
    client.get("/nothing/here/2")

    assert requests_total(route="unmatched", status="404") == before + 2


def test_methods_that_nobody_knows_share_one_label(client: Client) -> None:
    before = requests_total(method="other")

    client.generic("BREW", "/health/live")

    assert requests_total(method="other") == before + 1


@pytest.mark.django_db
def test_request_is_one_log_line_without_secrets(
    client: Client, capture_logs: list[dict[str, object]]
) -> None:
    client.get(
        "/nothing?token=s3cret",
        headers={"Authorization": "Bearer s3cret", "User-Agent": "probe/1", "Cookie": "a=s3cret"},
    )

    [line] = [line for line in capture_logs if line["event"] == "request"]
    assert line["method"] == "GET"
    assert line["path"] == "/nothing"
    assert line["status"] == 404
    assert line["user_agent"] == "probe/1"
    assert line["ip"] == "127.0.0.1"
    assert isinstance(line["duration_ms"], float)
    assert "s3cret" not in json.dumps(line, default=str)


@pytest.mark.parametrize(
    "path",
    ["/api/v1/query?query=1", "/prometheus/api/v1/query?query=1"],
    ids=["a query", "below the prefix"],
)
@pytest.mark.django_db
def test_what_programs_ask_all_the_time_is_logged_when_it_fails(
    admin_client: Client, capture_logs: list[dict[str, object]], path: str
) -> None:
    admin_client.get(path)
    admin_client.get(path.replace("query=1", "query=1%2B"))

    lines = [line for line in capture_logs if line["event"] == "request"]
    assert [line["status"] for line in lines] == [400]
