from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from observability.access.roles import VIEWER

from .cast import NOW, PASSWORD, bearer, make_user

pytestmark = pytest.mark.django_db


def login(client: Client, **given: str) -> Any:
    return client.post("/api/admin/login", given, content_type="application/json")


@pytest.mark.parametrize("path", ["/api/admin/login", "/api/admin/login/"])
def test_login_brings_a_token_that_opens_the_api(client: Client, path: str) -> None:
    make_user(VIEWER)

    answer = client.post(
        path, {"username": "viewer", "password": PASSWORD}, content_type="application/json"
    )

    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "refresh", "expires_at"}
    assert client.get("/api/schema", headers=bearer(answer.json()["token"])).status_code == 200


def test_user_name_defaults_to_admin(client: Client) -> None:
    make_user(name="admin")

    assert login(client, password=PASSWORD).status_code == 200


def test_token_works_until_the_time_that_the_login_named(client: Client) -> None:
    make_user(VIEWER)
    with time_machine.travel(NOW, tick=False):
        answer = login(client, username="viewer", password=PASSWORD).json()

    expires_at = datetime.fromisoformat(answer["expires_at"])
    assert expires_at == NOW + timedelta(hours=12)
    assert expires_at.tzinfo == UTC
    with time_machine.travel(expires_at - timedelta(seconds=1), tick=False):
        assert client.get("/api/schema", headers=bearer(answer["token"])).status_code == 200
    with time_machine.travel(expires_at, tick=False):
        assert client.get("/api/schema", headers=bearer(answer["token"])).status_code == 401


def test_wrong_password_is_refused_with_a_challenge(client: Client) -> None:
    make_user(VIEWER)

    answer = login(client, username="viewer", password="wrong")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "login_failed"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_unknown_user_is_refused_in_the_same_words(client: Client) -> None:
    make_user(VIEWER)

    known = login(client, username="viewer", password="wrong")
    unknown = login(client, username="stranger", password="wrong")

    assert known.json() == unknown.json()


def test_inactive_user_is_refused(client: Client) -> None:
    user = make_user(VIEWER)
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert login(client, username="viewer", password=PASSWORD).status_code == 401


def test_deeply_nested_body_is_a_bad_request(client: Client) -> None:
    answer = client.post("/api/admin/login", "[" * 20_000, content_type="application/json")

    assert answer.status_code == 400


def test_missing_password_is_named(client: Client) -> None:
    answer = login(client, username="viewer")

    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == [
        {"field": "password", "message": "This field is required."}
    ]


def test_too_many_failures_lock_the_door_even_for_the_right_password(
    client: Client, settings: Settings
) -> None:
    make_user(VIEWER)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        login(client, username="viewer", password="wrong")

    answer = login(client, username="viewer", password=PASSWORD)

    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "locked_out"
    assert int(answer["Retry-After"]) == 900


def test_lock_of_the_api_holds_for_the_admin_too_and_says_so_in_html(
    client: Client, settings: Settings
) -> None:
    make_user(VIEWER)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        login(client, username="viewer", password="wrong")

    answer = client.post("/admin/login/", {"username": "viewer", "password": PASSWORD})

    assert answer.status_code == 429
    assert "Try again in 15 minutes" in answer.content.decode()


def test_success_lets_the_count_of_failures_start_anew(client: Client, settings: Settings) -> None:
    make_user(VIEWER)
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        login(client, username="viewer", password="wrong")

    login(client, username="viewer", password=PASSWORD)

    assert not AccessAttempt.objects.exists()


def test_password_that_was_tried_is_stored_nowhere(client: Client) -> None:
    login(client, username="viewer", password="almost-right")

    assert "almost-right" not in str(AccessAttempt.objects.values().get())


def test_refresh_brings_a_new_token(client: Client) -> None:
    make_user(VIEWER)
    refresh = login(client, username="viewer", password=PASSWORD).json()["refresh"]

    answer = client.post(
        "/api/admin/refresh", {"refresh": refresh}, content_type="application/json"
    )

    assert answer.status_code == 200
    assert client.get("/api/schema", headers=bearer(answer.json()["token"])).status_code == 200


@pytest.mark.parametrize("change", ["password", "inactive", "deleted"])
def test_tokens_end_with_the_password_or_the_user(client: Client, change: str) -> None:
    user = make_user(VIEWER)
    tokens = login(client, username="viewer", password=PASSWORD).json()
    if change == "password":
        user.set_password("another good passphrase")
        user.save()
    elif change == "inactive":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user.delete()

    refreshed = client.post(
        "/api/admin/refresh", {"refresh": tokens["refresh"]}, content_type="application/json"
    )

    assert refreshed.status_code == 401
    assert client.get("/api/schema", headers=bearer(tokens["token"])).status_code == 401


# The header of a JWT is JSON that is read before the signature is checked.
DEEP = base64.urlsafe_b64encode(b"[" * 2400).decode() + ".e30.e30"


@pytest.mark.parametrize("token", ["a.b.c", "nonsense", "", DEEP], ids=lambda token: token[:8])
def test_refresh_token_that_is_none_is_refused(client: Client, token: str) -> None:
    answer = client.post("/api/admin/refresh", {"refresh": token}, content_type="application/json")

    assert answer.status_code in {401, 422}


def test_refresh_token_does_not_open_the_api(client: Client) -> None:
    make_user(VIEWER)
    refresh = login(client, username="viewer", password=PASSWORD).json()["refresh"]

    assert client.get("/api/schema", headers=bearer(refresh)).status_code == 401
