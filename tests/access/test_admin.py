from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from observability.access.keys import create_key, find_key, revoke_key
from observability.access.models import ApiKey
from observability.access.roles import ADMINISTRATOR, ROLES
from observability.access.scopes import Scope

from .cast import PASSWORD, signed_in

pytestmark = pytest.mark.django_db

ADD = "/admin/access/apikey/add/"
LIST = "/admin/access/apikey/"


def make_in_admin(client: Client, **changes: object) -> str:
    """Make a key in the form and return the page that follows."""
    form = {
        "name": "grafana",
        "scopes": ["metrics:read"],
        "labels": "system=earntrack",
        "expires_at_0": "",
        "expires_at_1": "",
    }
    answer = client.post(ADD, form | changes)
    assert answer.status_code == 200
    return answer.content.decode()


def token_in(page: str) -> str:
    match = re.search(r'value="(op_[^"]+)"', page)
    return match[1] if match else ""


def test_new_key_is_shown_once_and_works() -> None:
    client = signed_in(ADMINISTRATOR)

    token = token_in(make_in_admin(client))

    key = find_key(token, timezone.now())
    assert (key.name, key.scopes, key.labels) == (
        "grafana",
        ["metrics:read"],
        {"system": "earntrack"},
    )
    assert key.created_by == User.objects.get()
    for path in (LIST, f"{LIST}{key.pk}/change/", f"{LIST}{key.pk}/history/"):
        assert token not in client.get(path).content.decode()


def test_nothing_of_the_new_key_is_kept_in_history_or_session() -> None:
    client = signed_in(ADMINISTRATOR)

    token = token_in(make_in_admin(client))

    assert token not in str(list(LogEntry.objects.values()))
    assert token not in str(dict(client.session))


def test_page_with_the_new_key_is_not_stored_by_the_browser() -> None:
    client = signed_in(ADMINISTRATOR)

    answer = client.post(ADD, {"name": "a", "scopes": ["admin"], "labels": ""})

    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": "__name__=x"}, "is not a label name"),
        ({"labels": "nonsense"}, "not of the form name=value"),
        ({"scopes": []}, "This field is required"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_form_says_what_is_wrong_with_a_key(changes: dict[str, object], message: str) -> None:
    page = make_in_admin(signed_in(ADMINISTRATOR), **changes)

    assert message in page
    assert not ApiKey.objects.exists()


def test_changed_key_keeps_its_token() -> None:
    client = signed_in(ADMINISTRATOR)
    key, token = create_key(name="ci", scopes=[Scope.METRICS_READ])

    client.post(
        f"{LIST}{key.pk}/change/",
        {"name": "ci 2", "scopes": ["metrics:write"], "labels": "a=b"},
    )

    found = find_key(token, timezone.now())
    assert (found.name, found.scopes, found.labels) == ("ci 2", ["metrics:write"], {"a": "b"})


def test_revocation_asks_first() -> None:
    client = signed_in(ADMINISTRATOR)
    key, _ = create_key(name="ci", scopes=[Scope.METRICS_READ])

    answer = client.get(f"{LIST}{key.pk}/revoke/")

    key.refresh_from_db()
    assert "Revoke this API key?" in answer.content.decode()
    assert key.revoked_at is None


def test_confirmed_revocation_ends_the_key_and_is_on_record() -> None:
    client = signed_in(ADMINISTRATOR)
    key, _ = create_key(name="ci", scopes=[Scope.METRICS_READ])

    client.post(f"{LIST}{key.pk}/revoke/", {"_form_submitted": "True"})

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert LogEntry.objects.get().change_message == "Revoked."


def test_revoked_key_cannot_be_changed() -> None:
    client = signed_in(ADMINISTRATOR)
    key, _ = create_key(name="ci", scopes=[Scope.METRICS_READ])
    revoke_key(key, now=timezone.now())

    answer = client.post(f"{LIST}{key.pk}/change/", {"name": "x", "scopes": ["admin"]})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("state", "shown"),
    [("active", "active-key"), ("expired", "expired-key"), ("revoked", "revoked-key")],
)
def test_list_can_be_narrowed_to_a_state(state: str, shown: str) -> None:
    client = signed_in(ADMINISTRATOR)
    now = timezone.now()
    create_key(name="active-key", scopes=[Scope.ADMIN])
    create_key(name="expired-key", scopes=[Scope.ADMIN], expires_at=now)
    revoke_key(create_key(name="revoked-key", scopes=[Scope.ADMIN])[0], now=now)

    page = client.get(LIST, {"state": state}).content.decode()

    assert set(re.findall(r"\w+-key(?=<)", page)) == {shown}


def test_list_asks_the_database_no_more_for_more_keys(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = signed_in(ADMINISTRATOR)
    create_key(name="a", scopes=[Scope.ADMIN])
    client.get(LIST)  # fills the caches of the frame
    with CaptureQueriesContext(connection) as first:
        client.get(LIST)
    for number in range(10):
        create_key(name=f"key {number}", scopes=[Scope.ADMIN])

    with django_assert_num_queries(len(first)):
        client.get(LIST)


def test_new_user_in_a_role_can_sign_in_to_the_portal() -> None:
    client = signed_in(ADMINISTRATOR)
    viewer = Group.objects.get(name="Viewer")
    assert 'name="is_staff"' in client.get("/admin/auth/user/add/").content.decode()

    client.post(
        "/admin/auth/user/add/",
        {
            "username": "newcomer",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
            "is_staff": "on",
            "groups": [viewer.pk],
        },
    )

    visitor = Client()
    assert (
        visitor.post("/admin/login/", {"username": "newcomer", "password": PASSWORD}).status_code
        == 302
    )
    assert visitor.get("/admin/").status_code == 200


def test_users_list_shows_roles_without_asking_for_each(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = signed_in(ADMINISTRATOR)
    client.get("/admin/auth/user/")  # fills the caches of the frame
    with CaptureQueriesContext(connection) as first:
        client.get("/admin/auth/user/")
    viewer = Group.objects.get(name="Viewer")
    for number in range(10):
        User.objects.create(username=f"user{number}").groups.add(viewer)

    with django_assert_num_queries(len(first)):
        client.get("/admin/auth/user/")


def test_roles_of_the_portal_cannot_be_changed_or_deleted() -> None:
    client = signed_in(ADMINISTRATOR)

    for role in ROLES:
        path = f"/admin/auth/group/{Group.objects.get(name=role.name).pk}"
        assert client.post(f"{path}/change/", {"name": "x"}).status_code == 403
        assert client.post(f"{path}/delete/", {"post": "yes"}).status_code == 403


def test_groups_of_ones_own_can_be_changed() -> None:
    client = signed_in(ADMINISTRATOR)
    group = Group.objects.create(name="Night shift")

    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Day shift"})

    group.refresh_from_db()
    assert group.name == "Day shift"


def test_sidebar_shows_the_pages_of_access_to_administrators() -> None:
    page = signed_in(ADMINISTRATOR).get("/admin/").content.decode()

    for path in (LIST, "/admin/auth/user/", "/admin/auth/group/"):
        assert f'href="{path}"' in page
