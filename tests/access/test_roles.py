from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from observability.access.roles import ADMINISTRATOR, OPERATOR, ROLES, VIEWER, Role


def permissions_of(role: Role) -> set[str]:
    rows = Group.objects.get(name=role.name).permissions.select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


@pytest.mark.django_db
def test_every_role_holds_exactly_what_it_declares() -> None:
    every = {
        f"{row.content_type.app_label}.{row.codename}"
        for row in Permission.objects.select_related("content_type")
    }

    for role in ROLES:
        assert permissions_of(role) == {name for name in every if role.allows(name)}


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        (VIEWER, "metrics.view_series", True),
        (VIEWER, "alerts.change_rule", False),
        (VIEWER, "access.view_apikey", False),
        (VIEWER, "auth.view_user", False),
        (VIEWER, "axes.view_accessattempt", False),
        (OPERATOR, "alerts.change_rule", True),
        (OPERATOR, "dashboards.delete_dashboard", True),
        (OPERATOR, "database.view_insight", True),
        (OPERATOR, "database.change_insight", False),
        (OPERATOR, "access.view_apikey", False),
        (OPERATOR, "auth.change_user", False),
        (ADMINISTRATOR, "access.add_apikey", True),
        (ADMINISTRATOR, "auth.change_user", True),
    ],
)
def test_role_allows_what_its_holders_come_to_do(
    role: Role, permission: str, allowed: bool
) -> None:
    assert role.allows(permission) is allowed


@pytest.mark.django_db
def test_migrate_takes_away_what_a_role_does_not_declare_and_gives_back_what_it_does() -> None:
    viewer = Group.objects.get(name=VIEWER.name)
    before = permissions_of(VIEWER)
    viewer.permissions.set(Permission.objects.filter(codename="add_apikey"))

    call_command("migrate", verbosity=0)

    assert permissions_of(VIEWER) == before


@pytest.mark.django_db
def test_migrate_leaves_groups_of_other_names_alone() -> None:
    group = Group.objects.create(name="Night shift")
    group.permissions.set(Permission.objects.filter(codename="add_apikey"))

    call_command("migrate", verbosity=0)

    assert group.permissions.count() == 1
