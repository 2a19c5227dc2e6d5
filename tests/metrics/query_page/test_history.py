"""What users have run on the query page."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from observability.metrics.query_page import history
from observability.metrics.query_page.models import PastQuery

from .samples import PAGE

pytestmark = pytest.mark.django_db


def run(client: Client, *exprs: str) -> None:
    assert client.post(f"{PAGE}history/", {"expr": exprs}).status_code == 204


def past(client: Client, **parameters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{PAGE}history/", parameters).json()["found"]
    return found


def test_the_latest_comes_first_and_the_same_only_once(admin_client: Client) -> None:
    for expr in ("a", "b", "a "):
        run(admin_client, expr)

    assert [(row["expr"], row["runs"]) for row in past(admin_client)] == [("a", 2), ("b", 1)]


def test_it_is_searched(admin_client: Client) -> None:
    run(admin_client, "rate(RIG_load[5m])", "up")

    found = past(admin_client, contains="rig_")

    assert [row["expr"] for row in found] == ["rate(RIG_load[5m])"]


def test_the_oldest_without_a_star_give_way(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT", 2)
    run(admin_client, "a")
    first = past(admin_client)[0]
    admin_client.post(f"{PAGE}history/{first['id']}/", {"is_starred": "1"})

    for expr in ("b", "c", "d"):
        run(admin_client, expr)

    assert [row["expr"] for row in past(admin_client)] == ["d", "c", "a"]
    assert [row["expr"] for row in past(admin_client, starred="1")] == ["a"]


def test_stars_are_bounded(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_STARRED", 1)
    run(admin_client, "a", "b")
    first, second = past(admin_client)
    admin_client.post(f"{PAGE}history/{first['id']}/", {"is_starred": "1"})

    response = admin_client.post(f"{PAGE}history/{second['id']}/", {"is_starred": "1"})

    assert response.status_code == 422
    assert "1 expressions can be starred" in response.json()["error"]["message"]


def test_one_is_forgotten_or_all_without_a_star(admin_client: Client) -> None:
    run(admin_client, "a", "b", "c")
    newest, starred, _ = past(admin_client)
    admin_client.post(f"{PAGE}history/{starred['id']}/", {"is_starred": "1"})

    admin_client.delete(f"{PAGE}history/{newest['id']}/")
    answer = admin_client.delete(f"{PAGE}history/")

    assert answer.json() == {"forgotten": 1}
    assert [row["expr"] for row in past(admin_client)] == ["b"]


def test_everybody_sees_only_their_own(admin_client: Client, client: Client) -> None:
    run(admin_client, "a")
    other = User.objects.create_superuser("other")
    client.force_login(other)
    own = PastQuery.objects.get()

    assert past(client) == []
    assert client.delete(f"{PAGE}history/{own.pk}/").status_code == 404
    assert client.post(f"{PAGE}history/{own.pk}/").status_code == 404


def test_it_costs_the_same_queries_whatever_its_length(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    run(admin_client, *(f"a + {number}" for number in range(10)))

    with django_assert_max_num_queries(3):
        assert len(past(admin_client)) == 10
