"""Keys that are not looked up with every request."""

from __future__ import annotations

import time

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from observability.access import recent_keys
from observability.access.keys import create_key, revoke_key
from observability.access.recent_keys import KEY_SECONDS, recent_key_of
from observability.access.scopes import Scope
from tests.access.cast import bearer

pytestmark = pytest.mark.django_db


def test_a_key_is_looked_up_once_in_a_second(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    _, token = create_key(name="k", scopes=[Scope.METRICS_READ])
    request = RequestFactory().get("/", headers=bearer(token))
    recent_key_of(request)

    with django_assert_num_queries(0):
        key = recent_key_of(request)

    assert key is not None
    assert key.name == "k"


def test_a_revoked_key_reads_for_a_second_at_most() -> None:
    key, token = create_key(name="k", scopes=[Scope.METRICS_READ])
    client = Client(headers=bearer(token))
    assert client.get("/api/v1/query?query=1").status_code == 200
    revoked_at = time.monotonic()

    revoke_key(key, now=timezone.now())

    while client.get("/api/v1/query?query=1").status_code == 200:
        assert time.monotonic() < revoked_at + 5
    assert time.monotonic() < revoked_at + KEY_SECONDS + 1


def test_few_keys_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_keys, "_MAX_KEYS", 3)

    for _ in range(7):
        _, token = create_key(name="k", scopes=[Scope.METRICS_WRITE])
        recent_key_of(RequestFactory().get("/", headers=bearer(token)))

    assert len(recent_keys._recent_keys) <= 3
