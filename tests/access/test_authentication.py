from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from observability.access.keys import create_key, revoke_key
from observability.access.roles import VIEWER
from observability.access.scopes import Scope

from .cast import PASSWORD, bearer, make_key, make_user

pytestmark = pytest.mark.django_db

DOOR = "/api/schema"  # open to whoever says who they are


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_key_opens_the_api_as_bearer(client: Client) -> None:
    token = make_key(Scope.METRICS_READ)

    assert client.get(DOOR, headers=bearer(token)).status_code == 200


@pytest.mark.parametrize("user", ["prometheus", "", "any one"])
def test_key_opens_the_api_as_basic_password_with_any_user_name(client: Client, user: str) -> None:
    token = make_key(Scope.METRICS_READ)

    assert client.get(DOOR, headers=basic(f"{user}:{token}")).status_code == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Token"])
def test_name_of_the_scheme_is_read_in_any_case(client: Client, scheme: str) -> None:
    token = make_key(Scope.METRICS_READ)

    assert client.get(DOOR, headers={"Authorization": f"{scheme} {token}"}).status_code == 200


def test_session_opens_the_api(client: Client) -> None:
    client.force_login(make_user(VIEWER), backend="django.contrib.auth.backends.ModelBackend")

    assert client.get(DOOR).status_code == 200


def test_nobody_is_asked_for_bearer_or_basic(client: Client) -> None:
    answer = client.get(DOOR)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer ")
    assert "Basic " in answer["WWW-Authenticate"]
    assert answer.json()["error"]["code"] == "not_authenticated"


def test_a_page_whose_session_has_ended_opens_no_dialog_of_the_browser(client: Client) -> None:
    answer = client.get(DOOR, headers={"X-Requested-With": "XMLHttpRequest"})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="portal"'


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer op_12345678_nonsense", "key_unknown"),
        ("Bearer ", "key_unknown"),
        ("Bearer a.b.c", "token_invalid"),
        (f"Bearer {base64.b64encode(b'[' * 3000).decode()}.e30.e30", "token_invalid"),
        ("Basic !!!", "credentials_malformed"),
        ("Basic bm9jb2xvbg==", "credentials_malformed"),
        ("Digest x", "not_authenticated"),
    ],
    ids=["unknown", "empty", "no JWT", "deep JWT", "no base64", "no colon", "other scheme"],
)
def test_credentials_that_open_nothing_are_refused(client: Client, header: str, code: str) -> None:
    answer = client.get(DOOR, headers={"Authorization": header})

    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer
    assert answer.json()["error"]["code"] == code


def test_revoked_and_expired_keys_are_refused_and_say_so(client: Client) -> None:
    now = timezone.now()
    revoked, revoked_token = create_key(name="old", scopes=[Scope.ADMIN])
    revoke_key(revoked, now=now)
    _, expired_token = create_key(
        name="older", scopes=[Scope.ADMIN], expires_at=now - timedelta(seconds=1)
    )

    answers = [client.get(DOOR, headers=bearer(token)) for token in (revoked_token, expired_token)]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert [answer.json()["error"]["code"] for answer in answers] == ["key_revoked", "key_expired"]


def test_password_of_a_user_is_no_key(client: Client) -> None:
    make_user(VIEWER)

    assert client.get(DOOR, headers=basic(f"viewer:{PASSWORD}")).status_code == 401


def test_key_does_not_open_the_admin(client: Client) -> None:
    token = make_key(Scope.ADMIN)

    answer = client.get("/admin/", headers=bearer(token))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")
