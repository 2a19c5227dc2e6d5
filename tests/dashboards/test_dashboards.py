"""Dashboards: who sees them, and what their JSON may hold."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.test import Client

from dashboards.models import Dashboard
from dashboards.panels import read_config
from dashboards.system_overview import SYSTEM_OVERVIEW
from observability.promql.parser import parse

LOAD = {"panels": [{"title": "Load", "expr": "node_load1", "legend": "{{instance}}"}]}


@pytest.fixture
def owner(db: None) -> User:
    return make_operator("owner")


@pytest.fixture
def outsider(db: None) -> User:
    return make_operator("outsider")


def make_operator(name: str) -> User:
    user = User.objects.create_user(name, password="x", is_staff=True)
    user.groups.add(Group.objects.get(name="Operator"))
    return user


def test_an_operator_makes_a_dashboard_and_opens_it(client: Client, owner: User) -> None:
    client.force_login(owner)
    form = {
        "name": "Rigs",
        "slug": "rigs",
        "config": '{"panels": [{"title": "Load", "expr": "node_load1"}]}',
    }

    client.post("/admin/dashboards/dashboard/add/", form)

    dashboard = Dashboard.objects.get()
    assert dashboard.owner == owner
    page = client.get(dashboard.get_absolute_url()).content.decode()
    assert 'data-chart-expr="node_load1"' in page


def test_a_private_dashboard_is_its_owners_alone(
    client: Client, owner: User, outsider: User
) -> None:
    dashboard = Dashboard.objects.create(
        name="Mine", slug="mine", config=LOAD, owner=owner, is_public=False
    )
    client.force_login(outsider)

    answers = [
        client.get(dashboard.get_absolute_url()),
        client.get(f"/admin/dashboards/dashboard/{dashboard.pk}/change/"),
    ]

    assert [answer.status_code for answer in answers] == [404, 302]
    assert "Mine" not in client.get("/admin/dashboards/dashboard/").content.decode()


def test_a_public_dashboard_is_seen_by_all(client: Client, owner: User, outsider: User) -> None:
    dashboard = Dashboard.objects.create(name="Ours", slug="ours", config=LOAD, owner=owner)
    client.force_login(outsider)

    response = client.get(dashboard.get_absolute_url())

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], "Expected `object`"),
        ({"panels": [{"title": "x"}]}, "`$.panels[0]`"),
        ({"panels": [{"title": "x", "expr": "sum("}]}, "`$.panels[0].expr`"),
        ({"panels": [{"title": "x", "expr": "up", "unit": "parsecs"}]}, "`$.panels[0].unit`"),
        ({"panles": []}, "panles"),
        ({"panels": [{"title": "x", "expr": "up"}] * 101}, "at most 100 panels"),
    ],
    ids=["not-an-object", "no-expr", "not-promql", "unit", "unknown-field", "too-many"],
)
def test_a_faulty_configuration_is_refused_at_its_place(config: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_config(config)


def test_the_form_names_the_faulty_field() -> None:
    with pytest.raises(ValidationError) as caught:
        Dashboard(name="x", slug="x", config={"panels": 5}).clean()

    assert "config" in caught.value.message_dict


def test_every_panel_of_the_system_overview_is_promql() -> None:
    for panel in SYSTEM_OVERVIEW.panels:
        parse(panel.expr)


def test_the_system_overview_shows_its_panels(admin_client: Client) -> None:
    page = admin_client.get("/admin/dashboards/system/?range=6h").content.decode()

    assert page.count("data-chart-expr") == len(SYSTEM_OVERVIEW.panels)
    assert 'data-chart-range="21600"' in page
