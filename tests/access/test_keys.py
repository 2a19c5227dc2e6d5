from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from pytest_django import DjangoAssertNumQueries

from observability.access.errors import (
    ExpiredKeyError,
    RevokedKeyError,
    UnknownKeyError,
    UnsuitableKeyError,
)
from observability.access.keys import create_key, ensure_key, find_key, revoke_key
from observability.access.models import ApiKey
from observability.access.scopes import Scope

from .cast import NOW

FIELDS = ["pk", "name", "prefix", "scopes", "labels", "expires_at", "created_by_id", "created_at"]

pytestmark = pytest.mark.django_db


def test_key_is_found_by_its_token() -> None:
    key, token = create_key(name="ci", scopes=[Scope.METRICS_WRITE], labels={"system": "a"})

    found = find_key(token, NOW)

    key.refresh_from_db(fields=["created_at"])
    assert {f: getattr(found, f) for f in FIELDS} == {f: getattr(key, f) for f in FIELDS}


def test_token_has_the_documented_form_and_only_its_hash_is_stored() -> None:
    key, token = create_key(name="ci", scopes=[Scope.METRICS_WRITE])

    assert re.fullmatch(r"op_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", token)
    assert key.digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(ApiKey.objects.filter(pk=key.pk).values().get())


def test_key_that_was_never_made_is_unknown() -> None:
    with pytest.raises(UnknownKeyError):
        find_key("op_12345678_" + "x" * 43, NOW)


def test_token_with_bytes_that_are_no_text_is_unknown() -> None:
    with pytest.raises(UnknownKeyError):
        find_key("op_\udcff", NOW)


def test_key_is_refused_from_the_moment_it_expires() -> None:
    _, token = create_key(name="ci", scopes=[Scope.METRICS_READ], expires_at=NOW)

    find_key(token, NOW - timedelta(microseconds=1))

    with pytest.raises(ExpiredKeyError):
        find_key(token, NOW)


def test_revoked_key_is_refused() -> None:
    key, token = create_key(name="ci", scopes=[Scope.METRICS_READ])

    revoke_key(key, now=NOW)

    with pytest.raises(RevokedKeyError):
        find_key(token, NOW)


def test_second_revocation_keeps_the_time_of_the_first() -> None:
    key, _ = create_key(name="ci", scopes=[Scope.METRICS_READ])
    revoke_key(key, now=NOW)

    changed = revoke_key(key, now=NOW + timedelta(days=1))

    assert not changed
    assert key.revoked_at == NOW


def test_last_use_is_written_at_most_once_a_minute(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    key, token = create_key(name="ci", scopes=[Scope.METRICS_READ])
    find_key(token, NOW)

    with django_assert_num_queries(1):
        find_key(token, NOW + timedelta(seconds=59))

    key.refresh_from_db()
    assert key.last_used_at == NOW


def test_last_use_is_written_again_after_a_minute() -> None:
    key, token = create_key(name="ci", scopes=[Scope.METRICS_READ])
    find_key(token, NOW)

    find_key(token, NOW + timedelta(minutes=1))

    key.refresh_from_db()
    assert key.last_used_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("scopes", "labels"),
    [
        pytest.param([], {}, id="no scope"),
        pytest.param(["metrics:own"], {}, id="unknown scope"),
        pytest.param([Scope.METRICS_READ], {"__name__": "x"}, id="reserved label"),
    ],
)
def test_key_that_makes_no_sense_is_not_made(scopes: list[Scope], labels: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        create_key(name="ci", scopes=scopes, labels=labels)

    assert not ApiKey.objects.exists()


def test_chosen_key_is_made_once_and_its_scopes_follow() -> None:
    ensure_key("my-own-bootstrap-key", name="bootstrap", scopes=[Scope.METRICS_READ])

    ensure_key("my-own-bootstrap-key", name="bootstrap", scopes=list(Scope))

    key = ApiKey.objects.get()
    assert key.allows(Scope.METRICS_WRITE)
    assert key.prefix == ""


def test_chosen_key_that_was_revoked_stays_revoked() -> None:
    key = ensure_key("my-own-bootstrap-key", name="bootstrap", scopes=[Scope.ADMIN])
    revoke_key(key, now=NOW)

    ensure_key("my-own-bootstrap-key", name="bootstrap", scopes=[Scope.ADMIN])

    with pytest.raises(RevokedKeyError):
        find_key("my-own-bootstrap-key", NOW)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("short", id="too short"),
        pytest.param("with a blank", id="a blank"),
        pytest.param("like.a.webtoken", id="the form of a JWT"),
        pytest.param("schlüssel-lang-genug", id="not ASCII"),
    ],
)
def test_chosen_key_that_no_client_could_send_is_refused(token: str) -> None:
    with pytest.raises(UnsuitableKeyError) as caught:
        ensure_key(token, name="bootstrap", scopes=[Scope.ADMIN])

    assert token not in str(caught.value)


def test_admin_scope_includes_every_other() -> None:
    key, _ = create_key(name="root", scopes=[Scope.ADMIN])

    assert all(key.allows(scope) for scope in Scope)


def test_writing_does_not_include_reading() -> None:
    key, _ = create_key(name="ci", scopes=[Scope.METRICS_WRITE])

    assert not key.allows(Scope.METRICS_READ)
