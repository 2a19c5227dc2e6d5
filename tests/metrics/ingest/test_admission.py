"""Who may write past REST framework."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, RequestFactory
from django.utils import timezone

from observability.access.keys import create_key, revoke_key
from observability.access.scopes import Scope
from observability.metrics.ingest.admission import NotAdmittedError, admit_writer
from tests.metrics.ingest.write_requests import HEADERS, snappy

pytestmark = pytest.mark.django_db


def status_of(token: str) -> int:
    request = RequestFactory().post("/api/v1/write", headers={"Authorization": f"Bearer {token}"})
    try:
        admit_writer(request)
    except NotAdmittedError as error:
        return error.status
    return 200


def test_a_revoked_key_is_refused_a_second_later() -> None:
    key, token = create_key(name="k", scopes=[Scope.METRICS_WRITE])
    assert status_of(token) == 200
    revoked_at = time.monotonic()

    revoke_key(key, now=timezone.now())

    while status_of(token) == 200:
        assert time.monotonic() < revoked_at + 5
    assert time.monotonic() < revoked_at + 2


def test_an_expired_key_is_refused_at_once() -> None:
    now = timezone.now()
    _, token = create_key(
        name="k", scopes=[Scope.METRICS_WRITE], expires_at=now + timedelta(milliseconds=200)
    )
    assert status_of(token) == 200

    while timezone.now() < now + timedelta(milliseconds=200):
        pass

    assert status_of(token) == 401


@pytest.mark.parametrize(("may_add", "status"), [(True, 204), (False, 403)], ids=["may", "may-not"])
def test_a_person_with_a_session_needs_the_permission(may_add: bool, status: int) -> None:
    user = User.objects.create_user("ann", is_staff=True)
    if may_add:
        user.user_permissions.add(Permission.objects.get(codename="add_series"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(
        "/api/v1/write", snappy(b""), content_type="application/x-protobuf", headers=HEADERS
    )

    assert answer.status_code == status


def test_a_session_alone_cannot_write_from_another_site() -> None:
    user = User.objects.create_superuser("ann")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(
        "/api/v1/write", snappy(b""), content_type="application/x-protobuf", headers=HEADERS
    )

    assert answer.status_code == 403
