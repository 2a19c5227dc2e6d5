"""What is known of an expression before it is run."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from .samples import PAGE, record

pytestmark = pytest.mark.django_db


def check(client: Client, expr: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(f"{PAGE}check/", {"expr": expr}).json()
    return answer


@pytest.mark.parametrize(
    ("expr", "marked"),
    [
        ("sum(rig_load", "d"),
        ("rig_load +* 2", "*"),
        ("rates(rig_load[5m])", "rates"),
        ("rate(rig_load)", "rig_load"),
        ("'😀' + ", "+"),
        ('label_replace(up, "é", "", "", "") )', ")"),
    ],
    ids=["unfinished", "operator", "function", "type", "beyond the BMP", "accents"],
)
def test_a_problem_is_told_with_its_place_in_characters(
    admin_client: Client, expr: str, marked: str
) -> None:
    problem = check(admin_client, expr)["problem"]

    assert expr[problem["start"] : problem["end"]] == marked


def test_metrics_are_told_with_their_page_and_those_not_stored_as_unknown(
    admin_client: Client,
) -> None:
    record("rig_load", series=2)

    answer = check(admin_client, 'rig_load / {__name__="nowhere"}')

    known, unknown = answer["metrics"]
    assert (known["name"], known["series"], known["start"]) == ("rig_load", 2, 0)
    assert admin_client.get(known["url"]).status_code == 200
    assert (unknown["name"], unknown["is_known"], unknown["start"]) == ("nowhere", False, 11)


def test_next_steps_take_the_expression_along(admin_client: Client) -> None:
    links = check(admin_client, "rig_load > 1")["links"]

    assert {link["title"] for link in links} == {
        "Create an alert rule",
        "Put on a new dashboard",
    }
    for link in links:
        assert "rig_load &gt; 1" in admin_client.get(link["url"]).content.decode()


def test_next_steps_are_those_that_the_user_may_take(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="Viewer"))
    client.force_login(viewer)

    assert check(client, "rig_load")["links"] == []


def test_the_queries_do_not_grow_with_the_metrics(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    expr = " + ".join(f"rig_{number}" for number in range(30))

    with django_assert_max_num_queries(4):
        assert len(check(admin_client, expr)["metrics"]) == 30
