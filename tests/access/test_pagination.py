from __future__ import annotations

from base64 import b64encode

import pytest
from django.test import Client

from observability.access.scopes import Scope
from tests.access.cast import bearer, make_key
from tests.alerts.factories import AlertFactory

pytestmark = pytest.mark.django_db

LISTS = ["/api/alerts", "/api/alert-rules"]


@pytest.fixture
def client() -> Client:
    return Client(headers=bearer(make_key(Scope.ALERTS_READ)))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        pytest.param(b64encode(b"p=abc").decode(), id="position is a word"),
        pytest.param(b64encode(b"p=%00").decode(), id="position is NUL"),
        pytest.param(b64encode(b"p=\0").decode(), id="position is a bare NUL"),
        pytest.param(b64encode(b"p=").decode(), id="position is empty"),
        pytest.param(b64encode(b"p=" + b"9" * 50).decode(), id="position is a huge number"),
        pytest.param(b64encode(b"p=" + b"9" * 9_000).decode(), id="position has 9,000 digits"),
        pytest.param(b64encode(b"p=1&r=x").decode(), id="direction is a word"),
        pytest.param(b64encode(b"o=x").decode(), id="offset is a word"),
        pytest.param("\u00fc", id="no base64"),
    ],
)
def test_a_cursor_that_no_page_has_given_out_is_refused(
    client: Client, path: str, cursor: str
) -> None:
    response = client.get(path, {"cursor": cursor})

    assert response.status_code == 422
    assert [detail["field"] for detail in response.json()["error"]["details"]] == ["cursor"]


@pytest.mark.parametrize(
    "moment",
    ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "2026-03-01", "0001-01-01"],
)
def test_any_moment_is_a_place_in_a_list_by_time(client: Client, moment: str) -> None:
    cursor = b64encode(f"p={moment}".encode()).decode()

    assert client.get("/api/alerts", {"cursor": cursor}).status_code in {200, 422}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("size", ["0", "1001", "-1", "abc", "", "9" * 5_000])
def test_a_page_size_out_of_bounds_is_refused(client: Client, path: str, size: str) -> None:
    response = client.get(path, {"page_size": size})

    assert response.status_code == 422
    assert [detail["field"] for detail in response.json()["error"]["details"]] == ["page_size"]


@pytest.mark.parametrize("path", LISTS)
def test_pages_lead_from_one_to_the_next_through_all_rows(client: Client, path: str) -> None:
    AlertFactory.create_batch(5)  # each with a rule of its own
    url, seen = f"{path}?page_size=2", []

    while url:
        page = client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    assert len(seen) == len(set(seen)) == 5
